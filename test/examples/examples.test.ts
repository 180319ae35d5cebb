/**
 * Every example, run by itself as a reader would: the curl lines in its header do what they say there (the numbers behind
 * `#` are the statuses), and what else its header claims holds.
 */
import { once } from 'node:events'
import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startRedis } from '@sluice/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
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
  'access-control': (replies) => {
    expect(replies[3]?.body).toBe('this is /admin/users\n')
    expect(replies[1]?.body).toContain('access-refused')
    expect(replies[7]?.headers).toMatchObject({
      'access-control-allow-origin': 'https://app.example.com',
      'access-control-allow-methods': 'GET, PUT',
      'access-control-max-age': '600',
    })
    expect(replies[8]?.body).toContain('cross-site-refused')
    const { rules } = JSON.parse(replies.at(-1)!.body) as { rules: { name: string; matched: number }[] }
    expect(rules.map(({ name, matched }) => [name, matched])).toEqual([
      ['office', 1],
      ['night shift', 0],
      ['admin', 2],
      ['old agents', expect.any(Number)],
      ['default', 3],
    ])
  },
  authentication: (replies) => {
    expect(replies[0]?.headers['www-authenticate']).toBe(
      'Basic realm="orders", charset="UTF-8", ApiKey realm="restricted", header="X-API-Key"',
    )
    const bodies = replies.map(({ body }) => body)
    expect([bodies[1], bodies[3]]).toEqual(Array(2).fill('GET by ada (orders:read,orders:write)\n'))
    expect(bodies[4]).toBe('GET by shop (orders:read)\n')
    expect(bodies.slice(6, 9)).toEqual([
      'DELETE by ada (orders:read,orders:write)\n',
      'hello, stranger\n',
      'hello, bob\n',
    ])
    expect(JSON.parse(bodies[9]!)).toMatchObject({ accepted: 5, refused: 1, absent: 1 })
  },
  caching: (replies) => {
    const told = replies.map(({ headers }) => headers['cache-status'])
    expect(told.slice(0, 8)).toEqual([
      'sluice; fwd=uri-miss; stored',
      'sluice; fwd=uri-miss; stored',
      expect.stringMatching(/^sluice; hit; ttl=(60|59)$/),
      expect.stringMatching(/^sluice; hit/),
      expect.stringMatching(/^sluice; hit/),
      'sluice; fwd=request; fwd-status=304; stored',
      'sluice; fwd=miss',
      'sluice; fwd=method',
    ])
    expect(told.slice(8)).toEqual([
      'sluice; fwd=uri-miss; stored',
      'sluice; fwd=uri-miss; stored',
      expect.stringMatching(/^sluice; hit; ttl=[01]$/),
      undefined,
    ])
    expect(replies[4]?.body).toBe('article')
    expect(JSON.parse(replies.at(-1)!.body)).toMatchObject({ hits: 4, revalidated: 1, stored: 4 })
  },
  'caching-tags': (replies) => {
    const bodies = replies.map(({ body }) => body)
    expect(bodies.slice(0, 3)).toEqual(['pears: 1\n', 'apples: 2\n', 'pears: 1, apples: 2\n'])
    expect(replies[4]?.headers['cache-status']).toMatch(/^sluice; hit/)
    expect(replies[5]?.headers['cache-status']).toMatch(/^sluice; fwd=stale/)
    expect(bodies[5]).toBe('pears: 1, apples: 3\n')
    expect(bodies.slice(6)).toEqual(['{"purged":2,"soft":false}', '{"purged":1,"soft":false}'])
  },
  'caching-tiered': (replies) => {
    const told = replies.map(({ headers }) => headers['cache-status'])
    expect(told.slice(0, 2)).toEqual(['sluice; fwd=uri-miss; stored', expect.stringMatching(/^sluice; hit/)])
    // The other gateway finds what this one has fetched, and then has it in its own memory.
    expect(told.slice(2, 4)).toEqual(Array(2).fill('sluice; fwd=uri-miss; stored'))
    expect(told.slice(4, 6)).toEqual(Array(2).fill(expect.stringMatching(/^sluice; hit/)))
    expect(told[7]).toBe('sluice; fwd=uri-miss; stored')
    expect(replies.map(({ body }) => body).filter((body) => body === 'pears, made 1\n')).toHaveLength(4)
    const [first, second] = JSON.parse(replies.at(-1)!.body) as { store: { up: boolean; tiers: { kind: string }[] } }[]
    expect([first!.store.up, second!.store.tiers.map(({ kind }) => kind)]).toEqual([true, ['memory', 'redis']])
  },
  'caching-stale': (replies) => {
    const told = replies.map(({ headers }) => headers['cache-status'])
    expect(told[0]).toBe('sluice; fwd=uri-miss; stored')
    expect(told.slice(5, 7)).toEqual(Array(2).fill('sluice; fwd=stale; fwd-status=503'))
    expect(replies[6]?.body).toBe('news, version 1\n')
    expect(JSON.parse(replies[7]!.body)).toMatchObject({ code: 'ERR_SLUICE_NO_TARGET' })
    expect(JSON.parse(replies.at(-1)!.body)).toMatchObject({ hits: 0, misses: 7, stored: 1 })
  },
  'rate-limiting': (replies) => {
    expect(replies[0]?.headers['ratelimit-policy']).toBe('"per-key";q=3;w=60, "units";q=12;w=3600')
    expect(replies[3]?.headers['retry-after']).toBe('20')
    const [perKey, units] = [3, 8].map(
      (index) => (JSON.parse(replies[index]!.body) as Record<string, []>)['violated-policies'],
    )
    expect([perKey, units]).toEqual([['per-key'], ['units']])
    const { policies, bypassed } = JSON.parse(replies.at(-1)!.body) as {
      policies: { refused: number }[]
      bypassed: number
    }
    expect([policies.map(({ refused }) => refused), bypassed]).toEqual([[2, 1, 3], 9])
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
  'plugin-gateway': (replies) => {
    const bodies = replies.map(({ body }) => body)
    expect(replies[0]!.headers['set-cookie']?.[0]).toMatch(/^bucket=(control|candidate); /)
    expect(bodies[1]).toBe('a shop for bucket candidate\n')
    expect(replies[1]!.headers).not.toHaveProperty('set-cookie')
    expect(JSON.parse(bodies[2]!)).toEqual({ name: 'Ada', email: '[redacted]', note: 'or write to [redacted]' })
    // All are candidates since the swap; what was refused did not change that.
    expect([bodies[4], bodies[6]]).toEqual(Array(2).fill('a shop for bucket candidate\n'))
    expect(bodies[5]).toContain('weight')
    const [experiment] = JSON.parse(bodies[7]!) as [{ version: string; swaps: number }]
    expect([experiment.version, experiment.swaps]).toEqual(['1.0.100', 1])
  },
  'grpc-gateway': (replies) => {
    expect(JSON.parse(replies[0]!.body)).toMatchObject({ greeting: 'Hello, Ada!' })
    const by = replies.slice(1, 5).map(({ body }) => (JSON.parse(body) as { by: string }).by)
    expect(by.toSorted()).toEqual(['one', 'one', 'two', 'two'])
    const statuses = replies.slice(5, 7).map(({ headers }) => [headers['grpc-status'], headers['grpc-message']])
    for (const each of statuses) expect(each).toEqual(['16', 'no key'])
    expect(replies[7]?.body).toBe('no key')
  },
  'hono-mount': ([page, forwarded]) => {
    expect(page?.body).toBe('the app itself\n')
    expect(forwarded?.body).toBe('this is /users/1\n')
  },
}

/** What an example needs that a reader has to start. */
const ENVIRONMENTS: Readonly<Record<string, () => Promise<NodeJS.ProcessEnv>>> = {
  'caching-tiered': async () => {
    const redis = await startRedis()
    onTestFinished(async () => await redis.kill())
    return { REDIS_URL: `redis://127.0.0.1:${redis.port}` }
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
    const program = await start({ file }, await ENVIRONMENTS[name]?.())
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
