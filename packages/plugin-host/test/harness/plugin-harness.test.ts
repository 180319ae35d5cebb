import { seededRandom, virtualClock } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { createPluginHarness, memoryKvStore } from '../../src/index.ts'
import { guest, hook } from '../guest.ts'

const texts = { a: 'x-a', b: 'x-b', v: 'value', line: 'hello', json: '[1]', key: 'k' }
const code =
  hook(
    'on_request_head',
    `(drop (call $set_header (i32.const 0) {a} {v})) (drop (call $remove_header (i32.const 0) {b}))
     (drop (call $log (i32.const 2) {line})) (drop (call $set_result {json}))
     (drop (call $kv_increment {key} (f64.const 1) (i32.const 0)))`,
  ) + hook('on_response_head', '(drop (call $add_header (i32.const 1) {a} {v}))')
const capabilities = {
  requestHeaders: { write: ['x-*'] },
  replyHeaders: { write: ['x-*'] },
  kv: { prefixes: ['k'] },
}

describe('a harness', () => {
  it('says what a plugin did with an exchange', async () => {
    const harness = await createPluginHarness(guest({ texts, code }), { capabilities })
    const run = await harness.run({
      request: { method: 'PUT', target: '/a?b', headers: { 'x-b': '1' }, body: 'sent' },
      reply: { status: 202, headers: { 'x-c': '2' }, body: 'answered' },
    })
    expect(run).toMatchObject({
      action: 'continue',
      result: [1],
      faults: [],
      logs: [{ level: 'info', message: 'hello' }],
      forwarded: { method: 'PUT', target: '/a?b', body: 'sent' },
      requestDelta: { set: { 'x-a': 'value' }, removed: ['x-b'] },
      reply: { status: 202, body: 'answered' },
      replyDelta: { set: { 'x-a': 'value' }, removed: [] },
    })
    expect(run.calls.map((call) => [call.hook, call.action])).toEqual([
      ['on_request_head', 'continue'],
      ['on_response_head', 'continue'],
    ])
    expect(run.fuel).toBe(run.calls[0]!.fuel + run.calls[1]!.fuel)
    expect(run.fuel).toBeGreaterThan(10)
    await harness.close()
  })

  it('gives the same fuel for the same run', async () => {
    const harness = await createPluginHarness(guest({ texts, code }), { capabilities })
    const first = await harness.run()
    const second = await harness.run()
    expect(second.fuel).toBe(first.fuel)
    await harness.close()
  })

  it('takes a clock, dice and a store of the test', async () => {
    const clock = virtualClock()
    const kv = memoryKvStore(clock)
    const harness = await createPluginHarness(
      guest({ texts, code }),
      { capabilities },
      { clock, kv, random: seededRandom(1) },
    )
    await harness.run()
    await harness.run()
    expect(Buffer.from(kv.get('k')!).toString()).toBe('2')
    await harness.close()
  })

  it('refuses what a host would refuse', async () => {
    await expect(createPluginHarness(guest({ texts, code }), {})).rejects.toMatchObject({
      code: 'ERR_SLUICE_PLUGIN_IMPORT',
    })
    await expect(createPluginHarness(guest({ texts, code }), { capabilities, limits: { fuel: 0 } })).rejects.toThrow(
      /limits\.fuel/,
    )
  })

  it('tries the manifest’s self-test where there is one', async () => {
    const selfTest = [{ expect: { requestHeaders: { 'x-a': 'other' } } }]
    await expect(createPluginHarness(guest({ texts, code }), { capabilities, selfTest })).rejects.toMatchObject({
      code: 'ERR_SLUICE_PLUGIN_REFUSED',
    })
  })
})
