/** What all kits can. */
import { describe, expect, test } from 'vitest'
import { kitHarness, run } from './kit-plugin.ts'

// The first may have to wait for a compiler.
describe.each(['as', 'c', 'rust'])('the kit for %s', { timeout: 60_000 }, (kit) => {
  test.each(['', 'a value', 'é', 'x'.repeat(9_000)])('reads and writes fields of any length (%#)', async (value) => {
    expect((await run(kit, 'echo', value)).out).toBe(value)
  })

  test('tells a field that is there from one that is not, and gives the values of several', async () => {
    expect((await run(kit, 'has', 'x')).out).toBe('truefalse')
    expect((await run(kit, 'echo')).out).toBe('none')
    expect((await run(kit, 'echo', ['a', 'b'])).out).toBe('a, b')
  })

  test('removes and adds', async () => {
    const removed = await run(kit, 'remove', 'x')
    expect([removed.out, removed.requestDelta.removed]).toEqual(['truefalse', ['x-in']])
    expect((await run(kit, 'add', 'x')).requestDelta.set).toEqual({ 'x-in': ['x', 'more'] })
  })

  test('reads and writes properties', async () => {
    const harness = await kitHarness(kit)
    const { forwarded } = await harness.run({
      request: { headers: { 'x-do': kit === 'as' ? 'properties' : 'property' }, address: '192.0.2.7' },
    })
    expect(forwarded?.headers.get('x-out')).toContain('192.0.2.7')
    expect(forwarded?.method).toBe('PUT')
  })

  test('answers', async () => {
    const { action, reply } = await run(kit, 'respond')
    expect([action, reply.status, reply.body]).toEqual(['respond', 418, kit === 'as' ? 'ü' : 'a teapot'])
  })

  test('rewrites a body', async () => {
    const { faults, forwarded } = await run(kit, 'none', undefined, { method: 'POST', body: 'abc'.repeat(3_000) })
    expect(faults).toEqual([])
    expect(forwarded?.body === 'cba'.repeat(3_000)).toBe(true)
  })

  test('keeps state from the request to the reply', async () => {
    expect((await run(kit, 'a state')).reply.headers.get('x-state')).toBe('a state')
  })

  test('keeps keys and values', async () => {
    expect((await run(kit, 'store')).out).toContain(kit === 'as' ? 'none,true,ü,' : '41')
  })

  test('logs and counts', async () => {
    const harness = await kitHarness(kit)
    const { logs } = await harness.run({ request: { headers: { 'x-do': 'log' } } })
    expect(logs).toContainEqual({ level: 'info', message: 'ü' })
    expect(harness.snapshot().metrics['c']).toMatchObject({ kind: 'counter', value: 3 })
  })

  test('refuses a configuration, and says why', async () => {
    await expect(kitHarness(kit, { config: { other: ['word'], word: 'bad' } })).rejects.toThrow('a bad word')
    await expect(kitHarness(kit, { config: { other: { word: 'bad' }, word: 'good' } })).resolves.toBeDefined()
  })
})

// The first may have to wait for a compiler.
describe.each(['c', 'rust'])('the kit for %s', { timeout: 60_000 }, (kit) => {
  test.each([
    ['{"a":1,"b":"x"}', 'x'],
    ['{"a":{"b":1},"b" : 2 }', '2'],
    ['{"c":"b","b":true}', 'true'],
    ['{"a":"\\"b\\":3","b":[1,{"b":"]"},3],"c":4}', '[1,{"b":"]"},3]'],
    ['{"a":["b",1],"b":null}', 'null'],
    ['{"a":1}', 'none'],
    ['{}', 'none'],
    ['{"b":"say \\"hi\\""}', 'say \\"hi\\"'],
  ])('finds the member b of %s', async (json, value) => {
    expect((await run(kit, 'member', json)).out).toBe(value)
  })

  test('says what is not granted', async () => {
    expect((await run(kit, 'denied')).out).toBe('2')
  })

  test('has clocks, and numbers as text', async () => {
    expect((await run(kit, 'numbers')).out).toBe('18446744073709549568')
  })
})
