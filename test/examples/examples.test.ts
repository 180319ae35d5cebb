/**
 * Every example, run by itself as a reader would: the curl lines in its header do what they say there (the numbers behind
 * `#` are the statuses), and what else its header claims holds.
 */
import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type CurlReply, curl, curlLines } from '../running/curl.ts'
import { Program, start } from '../running/program.ts'

const folder = fileURLToPath(new URL('../../examples', import.meta.url))

type Check = (replies: readonly CurlReply[]) => void

/** What an example claims beyond the statuses, of all its replies in order. */
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
  failover: (replies) => {
    const afterStop = replies.slice(3)
    expect(afterStop.map(({ body }) => body)).toEqual(['two\n', 'two\n', 'two\n', 'two\n'])
    const tried = afterStop.map(({ headers }) => headers['x-tried'])
    expect(tried).toContain('one=ERR_SLUICE_CONNECT_REFUSED, two=ok')
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
    check(replies)
  })

  test('in-process-test passes', async () => {
    const program = new Program({ file: 'examples/in-process-test.ts' })
    expect(await program.ended, program.output).toBe(0)
    expect(program.output).toMatch(/pass 4\b/)
  })
})
