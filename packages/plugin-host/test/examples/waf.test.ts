import { describe, expect, test } from 'vitest'
import type { HarnessRequest } from '../../src/index.ts'
import { harnessOf } from './example-plugin.ts'

async function statusOf(request: HarnessRequest): Promise<number> {
  const harness = await harnessOf('waf')
  const run = await harness.run({ request })
  expect(run.faults).toEqual([])
  return run.reply.status
}

// The first may have to wait for a compiler.
describe('the firewall', { timeout: 60_000 }, () => {
  test.each([
    "/items?id=1'%20OR%20'1'='1",
    '/items?id=1+UNION/**/SELECT+password',
    '/items?id=1%2520union%2520select%25201',
    '/search?q=%3CScRiPt%3Ealert(1)',
    '/files?name=..%2f..%2fetc%2fpasswd',
    '/?x=%24%7Bjndi:ldap://x',
    '/fetch?url=http://169.254.169.254/latest',
  ])('refuses %s', async (target) => {
    expect(await statusOf({ target })).toBe(403)
  })

  test.each([
    '/',
    '/search?q=the+union+selected+a+leader',
    "/names?last=O'Brien+or+O'Neill",
    '/c?path=a/../b&discount=10%',
    '/x?y=%zz%4',
    '/docs/select-a-union',
  ])('lets %s pass', async (target) => {
    expect(await statusOf({ target })).toBe(200)
  })

  test('looks into fields and knows programs that look for holes', async () => {
    expect(await statusOf({ headers: { 'user-agent': 'sqlmap/1.8' } })).toBe(403)
    expect(await statusOf({ headers: { cookie: 'a=<script>' } })).toBe(403)
    expect(await statusOf({ headers: { referer: 'https://x.example/?sqlmap' } })).toBe(200)
    expect(await statusOf({ headers: { 'user-agent': 'Mozilla/5.0' } })).toBe(200)
  })

  test('looks into bodies, also where two parts of one meet', async () => {
    const attack = '; drop table users'
    expect(await statusOf({ method: 'POST', body: `{"q":"x'${attack}"}` })).toBe(403)
    for (const before of [65_520, 65_530, 65_536, 131_060])
      expect(await statusOf({ method: 'POST', body: 'x'.repeat(before) + attack + 'y'.repeat(1_000) })).toBe(403)
    expect(await statusOf({ method: 'POST', body: 'x'.repeat(200_000) })).toBe(200)
  })

  test('adds up what alone is not enough', async () => {
    expect(await statusOf({ target: '/?a=../b' })).toBe(200)
    expect(await statusOf({ target: '/?a=../b&c=sleep(1)' })).toBe(403)
  })

  test('counts each rule that held', async () => {
    const harness = await harnessOf('waf')
    await harness.run({ request: { target: '/?q=<script>' } })
    const once = { kind: 'counter', value: 1, count: 1 }
    expect(harness.snapshot().metrics).toEqual({ 'matched.script': once, refused: once })
  })

  test('only marks requests where it is to detect', async () => {
    const harness = await harnessOf('waf', { config: { mode: 'detect' } })
    const run = await harness.run({ request: { target: '/?q=<script>' } })
    expect([run.reply.status, run.requestDelta.set]).toEqual([200, { 'x-waf': 'suspicious' }])
  })

  test('refuses from the number of points that the configuration says', async () => {
    const harness = await harnessOf('waf', { config: { threshold: 11 } })
    expect((await harness.run({ request: { target: '/?a=<script>' } })).reply.status).toBe(200)
    expect((await harness.run({ request: { target: '/?a=<script>&b=/etc/passwd&c=cmd.exe' } })).reply.status).toBe(403)
  })
})
