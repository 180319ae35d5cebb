/**
 * Every example, run by itself as a reader would: the curl lines in its header do what they say there (the numbers behind
 * `#` are the statuses), and what else its header claims holds.
 */
import { once } from 'node:events'
import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type CurlReply, curl, curlLines } from '../running/curl.ts'
import { Program, start } from '../running/program.ts'

const folder = fileURLToPath(new URL('../../examples', import.meta.url))

type Check = (replies: readonly CurlReply[], origin: string) => void | Promise<void>

/** What an example claims beyond the statuses, of all its replies in order, or of what `origin` answers now. */
const CHECKS: Readonly<Record<string, Check>> = {
  quickstart: (replies) => {
    const bodies = replies.slice(1, 5).map(({ body }) => body)
    expect(bodies.toSorted()).toEqual(['one\n', 'one\n', 'two\n', 'two\n'])
  },
  'express-mount': ([page, forwarded, missing]) => {
    expect(page?.body).toBe('the app itself\n')
    expect(JSON.parse(forwarded!.body)).toEqual({ path: '/users', got: { name: 'Ada' } })
    expect(missing?.headers['x-powered-by']).toBe('Express')
  },
  'custom-middleware': ([, allowed, refused]) => {
    expect(allowed?.body).toBe('a report for acme\n')
    expect(allowed?.headers['server-timing']).toMatch(/^gateway;dur=\d+\.\d$/)
    expect(refused?.body).toBe('not for you\n')
  },
  balancing: (replies) => {
    const names = replies.slice(0, -2).map(({ body }) => body.trim())
    expect(names.slice(0, 5)).toEqual(['berlin', 'paris', 'berlin', 'oslo', 'berlin'])
    expect(names.slice(5, 13).filter((name) => name === 'oslo').length).toBeLessThanOrEqual(2)
    for (const [from, to] of [
      [13, 16],
      [16, 19],
      [19, 23],
    ])
      expect(new Set(names.slice(from, to)).size).toBe(1)
    const { balancer, targets } = JSON.parse(replies.at(-1)!.body) as { balancer: string; targets: { reasons: [] }[] }
    expect(balancer).toBe('weighted-round-robin')
    expect(targets.map(({ reasons }) => reasons)).toEqual([['its state is "drain"'], [], []])
  },
  failover: (replies) => {
    const whileItIsGone = replies.slice(4, 13)
    expect(whileItIsGone.map(({ body }) => body)).not.toContain('one\n')
    expect(whileItIsGone.map(({ headers }) => headers['x-tried'])).toContainEqual(
      expect.stringMatching(/^one=ERR_SLUICE_CONNECT_REFUSED, (two|three)=ok$/),
    )
    const [then, now] = [13, 15].map(
      (index) => (JSON.parse(replies[index]!.body) as { name: string; weight: number; reasons: string[] }[])[0],
    )
    expect(then).toMatchObject({ name: 'one', reasons: ['ejected after too many gateway errors in a row'] })
    expect(now).toMatchObject({ name: 'one', reasons: [] })
    expect(now!.weight).toBeLessThan(1)
  },
  canary: (replies) => {
    const samples = [0, 7, 9].map((index) => JSON.parse(replies[index]!.body) as Record<string, number>)
    expect(samples).toEqual([
      { 'version 1': 95, 'version 2': 5 },
      { 'version 1': 50, 'version 2': 50 },
      { 'version 1': 100 },
    ])
    expect(new Set(replies.slice(1, 6).map(({ body }) => body)).size).toBe(1)
  },
  'custom-balancer': (replies) => {
    const bodies = replies.map(({ body }) => body)
    expect(new Set(bodies.slice(0, 3)).size).toBe(1)
    expect(new Set(bodies.slice(3)).size).toBe(1)
    expect(bodies[0]).not.toBe(bodies[3])
  },
  'custom-gate': (replies) => {
    const { targets } = JSON.parse(replies[4]!.body) as { targets: { reasons: string[] }[] }
    expect(targets.map(({ reasons }) => reasons)).toEqual([[], ['it failed a short time ago']])
  },
  websocket: async (replies, origin) => {
    expect(JSON.parse(replies.at(-1)!.body)).toMatchObject({ open: [], refused: { origin: 1 } })
    const socket = new WebSocket(`${origin.replace(/^http/, 'ws')}/chat`, { origin })
    await once(socket, 'open')
    socket.send('well, darn')
    const [data] = (await once(socket, 'message')) as [Buffer]
    expect(data.toString()).toBe('well, ****')
    socket.terminate()
  },
  'hono-mount': ([page, forwarded]) => {
    expect(page?.body).toBe('the app itself\n')
    expect(forwarded?.body).toBe('this is /users/1\n')
  },
}

const names = globSync(`${folder}/*.ts`).map((path) => basename(path, '.ts'))

describe('examples', { timeout: 30_000 }, () => {
  test('each is listed here, and under 150 lines', () => {
    expect(names.toSorted()).toEqual([...Object.keys(CHECKS), 'in-process-test'].toSorted())
    const lengths = names.map((name) => readFileSync(`${folder}/${name}.ts`, 'utf8').split('\n').length)
    expect(Math.max(...lengths)).toBeLessThan(150)
  })

  test.each(Object.entries(CHECKS))('%s does what its header says', async (name, check) => {
    const file = `examples/${name}.ts`
    const header = /^\/\*\*(.*?)\*\//s.exec(readFileSync(`${folder}/${name}.ts`, 'utf8'))![1]!
    const lines = curlLines(header)
    expect(lines.length).toBeGreaterThan(0)
    const program = await start({ file })
    const replies: CurlReply[] = []
    for (const line of lines) {
      const answers = await curl(line, program.url)
      expect(
        answers.map(({ status }) => status),
        line.text,
      ).toEqual(line.statuses)
      replies.push(...answers)
    }
    await check(replies, program.url)
  })

  test('in-process-test passes', async () => {
    const program = new Program({ file: 'examples/in-process-test.ts' })
    expect(await program.ended, program.output).toBe(0)
    expect(program.output).toMatch(/pass 4\b/)
  })
})
