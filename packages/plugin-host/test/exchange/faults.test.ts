import { createProxy, Reply } from '@sluice/core'
import { virtualClock } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { createPluginHarness, createPluginHost, type HarnessManifest, type PluginManifest } from '../../src/index.ts'
import { guest, hook } from '../guest.ts'

const SPIN = '(loop (br 0))'
const BOMB = '(loop (drop (memory.grow (i32.const 100))) (br 0))'
const FILL = '(loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536)) (br 0))'
const DEEP = '(call $deep)'
const DEEP_CODE = '(func $deep (call $deep))'

const EVERYTHING: HarnessManifest['capabilities'] = {
  requestHeaders: { read: ['*'], write: ['*'] },
  replyHeaders: { read: ['*'], write: ['*'] },
  requestBody: 'buffer',
  replyBody: 'buffer',
  respond: true,
  properties: { write: ['*'] },
}

const FAULTS = [
  ['an infinite loop', SPIN, 'ERR_SLUICE_PLUGIN_FUEL'],
  ['a memory bomb', BOMB, 'ERR_SLUICE_PLUGIN_FUEL'],
  ['an endless fill', FILL, 'ERR_SLUICE_PLUGIN_FUEL'],
  ['a deep recursion', DEEP, 'ERR_SLUICE_PLUGIN_TRAP'],
  ['a trap', '(unreachable)', 'ERR_SLUICE_PLUGIN_TRAP'],
  ['a division by zero', '(drop (i32.div_s (i32.const 1) (i32.const 0)))', 'ERR_SLUICE_PLUGIN_TRAP'],
  ['a wrong address', '(drop (i32.load (i32.const -4)))', 'ERR_SLUICE_PLUGIN_TRAP'],
  [
    'an address outside of the memory, handed to the host',
    '(drop (call $get_header (i32.const 0) (i32.const -9) (i32.const 4) {buf} (i32.const 9)))',
    'ERR_SLUICE_PLUGIN_TRAP',
  ],
  [
    'a length beyond the memory, handed to the host',
    '(drop (call $set_header (i32.const 0) {name} {name.ptr} (i32.const 0x7fffffff)))',
    'ERR_SLUICE_PLUGIN_LIMIT',
  ],
  [
    'a flood of fields',
    '(loop (drop (call $add_header (i32.const 0) {name} {name})) (br 0))',
    'ERR_SLUICE_PLUGIN_LIMIT',
  ],
  ['a flood of lines', '(loop (drop (call $log (i32.const 1) {name})) (br 0))', 'ERR_SLUICE_PLUGIN_FUEL'],
  ['a pause with nothing to wait for', '(return (i32.const 2))', 'ERR_SLUICE_PLUGIN_OUTPUT'],
] as const

describe.each(FAULTS)('%s', (_, instructions, code) => {
  const texts = {
    name: 'x-a',
    mark: 'x-mark',
    method: 'method',
    post: 'POST',
    query: 'query',
    status: 'status',
    teapot: '418',
  }
  const marking = (kind: number, property: string) =>
    `(drop (call $set_header (i32.const ${kind}) {mark} {mark})) (drop (call $remove_header (i32.const ${kind}) {name})) ${property}`
  const requestMark = marking(
    0,
    '(drop (call $set_property {method} {post})) (drop (call $set_property {query} {post})) (drop (call $set_result {teapot})) (drop (call $set_state {teapot}))',
  )
  const source = { texts, code: `${DEEP_CODE} ${hook('on_request_head', requestMark + instructions)}` }
  const limits = { fuel: 100_000 }

  it('is contained, and with failure: open the exchange goes on as if the plugin were not there', async () => {
    const harness = await createPluginHarness(guest(source), { capabilities: EVERYTHING, limits, failure: 'open' })
    const request = {
      target: '/a?b',
      headers: [
        ['X-A', '1'],
        ['x-b', '2'],
        ['X-A', '3'],
      ] as [string, string][],
    }
    const run = await harness.run({ request, reply: { body: 'fine' } })
    expect(run.faults.map((fault) => fault.code)).toEqual([code])
    expect(run.forwarded).toMatchObject({ method: 'GET', target: '/a?b' })
    // In their order and spelling.
    expect(run.forwarded?.headers.raw().slice(0, 6)).toEqual(['X-A', '1', 'x-b', '2', 'X-A', '3'])
    expect(run.requestDelta).toEqual({ set: {}, removed: [] })
    expect(run.reply).toMatchObject({ status: 200, body: 'fine' })
    expect(run.result).toBeUndefined()
    expect(run.action).toBe('fault')
    await harness.close()
  })

  it('with failure: closed is answered with its code, and nothing of where it was', async () => {
    const harness = await createPluginHarness(guest(source), { capabilities: EVERYTHING, limits })
    const { reply, forwarded } = await harness.run()
    expect(forwarded).toBeUndefined()
    expect(reply.status).toBe(500)
    expect(JSON.parse(reply.body)).toMatchObject({ code, status: 500 })
    expect(reply.body).not.toMatch(/wasm|unreachable|test/)
    await harness.close()
  })

  it('in a reply is undone as well', async () => {
    const replyMark = marking(1, '(drop (call $set_property {status} {teapot}))')
    const bytes = guest({
      texts,
      code: `${DEEP_CODE} ${hook('on_response_head', replyMark + instructions.replaceAll('(i32.const 0) {name}', '(i32.const 1) {name}'))}`,
    })
    const open = await createPluginHarness(bytes, { capabilities: EVERYTHING, limits, failure: 'open' })
    const run = await open.run({ reply: { status: 201, headers: { 'X-A': '1' }, body: 'fine' } })
    expect(run.reply).toMatchObject({ status: 201, body: 'fine' })
    expect(run.replyDelta).toEqual({ set: {}, removed: [] })
    expect(run.faults).toHaveLength(1)
    await open.close()
    const closed = await createPluginHarness(bytes, { capabilities: EVERYTHING, limits })
    expect((await closed.run({ reply: { body: 'fine' } })).reply.status).toBe(500)
    await closed.close()
  })

  it('is counted, costs its instance, and the next exchange gets a fresh one', async () => {
    const harness = await createPluginHarness(
      guest({
        texts,
        code: `${DEEP_CODE} (global $calls (mut i32) (i32.const 0))
          ${hook(
            'on_request_head',
            `(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
            (if (i32.gt_s (global.get $calls) (i32.const 1)) (then (return (i32.const 3)))) ${instructions}`,
          )}`,
      }),
      { capabilities: EVERYTHING, limits, failure: 'open' },
    )
    for (let i = 0; i < 3; i++) expect((await harness.run()).action).toBe('fault')
    const { faults, instancesMade } = harness.snapshot()
    expect(Object.values(faults)).toEqual([3])
    expect(instancesMade).toBeGreaterThanOrEqual(4)
    await harness.close()
  })
})

describe('a memory', () => {
  it('does not grow beyond its limit', async () => {
    const code = hook(
      'on_request_head',
      '(block (loop (br_if 1 (i32.eq (memory.grow (i32.const 1)) (i32.const -1))) (br 0)))',
    )
    const harness = await createPluginHarness(guest({ code }), { limits: { memoryPages: 10 } })
    expect((await harness.run()).faults).toEqual([])
    expect(harness.snapshot().maxPages).toBe(10)
    await harness.close()
  })

  it('that grows while the host looks on is seen whole', async () => {
    const code = hook(
      'on_request_head',
      `(drop (call $get_header (i32.const 0) {name} {buf} (i32.const 9)))
       (drop (memory.grow (i32.const 2)))
       (drop (call $set_header (i32.const 0) {name} (i32.const 200000) (call $get_header (i32.const 0) {name} (i32.const 200000) (i32.const 9))))`,
    )
    const harness = await createPluginHarness(guest({ texts: { name: 'x-a' }, code, pages: 2 }), {
      capabilities: EVERYTHING,
    })
    const { forwarded, faults } = await harness.run({ request: { headers: { 'x-a': 'here' } } })
    expect(faults).toEqual([])
    expect(forwarded?.headers.get('x-a')).toBe('here')
    await harness.close()
  })
})

describe('fuel', () => {
  it('is each call anew', async () => {
    const code = hook(
      'on_request_head',
      '(local $i i32) (loop (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if 0 (i32.lt_s (local.get $i) (i32.const 1000))))',
    )
    const harness = await createPluginHarness(guest({ code }), { limits: { fuel: 20_000 } })
    for (let i = 0; i < 20; i++) expect((await harness.run()).action).toBe('continue')
    const { on_request_head: counts } = harness.snapshot().hooks
    expect(counts?.calls).toBe(20)
    expect(counts!.fuel / 20).toBe(counts?.maxFuel)
    await harness.close()
  })

  it('is more for a body', async () => {
    const code = hook(
      'on_request_body',
      '(loop (local.set $a (i32.sub (local.get $a) (i32.const 1))) (br_if 0 (local.get $a)))',
    )
    const harness = await createPluginHarness(guest({ code }), {
      capabilities: { requestBody: 'buffer' },
      limits: { fuel: 1_000, fuelPerBodyByte: 20 },
    })
    const request = { method: 'POST', body: 'x'.repeat(5_000) }
    expect((await harness.run({ request })).action).toBe('continue')
    await harness.close()
  })

  it('is what host functions are paid with before they begin', async () => {
    const code = hook('on_request_head', '(loop (drop (call $random (i32.const 0) (i32.const 65536))) (br 0))')
    const harness = await createPluginHarness(guest({ code }), { limits: { fuel: 1_000_000 } })
    const { faults, calls } = await harness.run()
    expect(faults[0]?.code).toBe('ERR_SLUICE_PLUGIN_FUEL')
    expect(calls[0]?.fuel).toBe(1_000_000)
    await harness.close()
  })
})

describe('a plugin that faults too often', () => {
  const bytes = guest({
    texts: { name: 'x-boom' },
    code: hook(
      'on_request_head',
      `(if (i32.ge_s (call $get_header (i32.const 0) {name} {buf} (i32.const 9)) (i32.const 0)) (then ${SPIN}))`,
    ),
  })
  const manifest: PluginManifest = {
    name: 'spinner',
    abi: 'sluice:v1',
    source: { bytes },
    capabilities: { requestHeaders: { read: ['x-boom'] } },
    limits: { fuel: 10_000 },
    breaker: { faults: 3, windowMs: 1_000, openMs: 5_000 },
  }

  it.each(['open', 'closed'] as const)('rests for a time, with failure: %s', async (failure) => {
    const clock = virtualClock()
    const host = createPluginHost({ clock })
    await host.load({ ...manifest, failure })
    const proxy = createProxy({ clock })
      .use(host.plugin('spinner'))
      .handle(() => Reply.text('fine'))
    const send = async (headers: Record<string, string> = {}) => (await proxy.inject({ headers })).status
    const boom = { 'x-boom': '1' }
    const failed = failure === 'open' ? 200 : 500
    const resting = failure === 'open' ? 200 : 503
    const hookCalls = () => host.snapshot()[0]!.hooks.on_request_head!.calls

    // Far apart they are forgiven.
    for (let i = 0; i < 4; i++) {
      expect(await send(boom)).toBe(failed)
      clock.advance(600)
    }
    expect(host.snapshot()[0]?.breaker).toBe('closed')
    expect(await send(boom)).toBe(failed)
    expect(await send(boom)).toBe(failed)
    expect(host.snapshot()[0]?.breaker).toBe('open')
    const before = hookCalls()
    const refused = await proxy.inject()
    expect(refused.status).toBe(resting)
    if (failure === 'closed') {
      expect(await refused.json()).toMatchObject({ code: 'ERR_SLUICE_PLUGIN_OPEN' })
      expect(refused.headers.get('retry-after')).toBe('5')
    }
    expect(hookCalls()).toBe(before)
    // One call decides.
    clock.advance(5_000)
    expect(await send(boom)).toBe(failed)
    expect(await send()).toBe(resting)
    expect(hookCalls()).toBe(before + 1)
    clock.advance(5_000)
    expect(await send()).toBe(200)
    expect(host.snapshot()[0]?.breaker).toBe('closed')
    expect(hookCalls()).toBe(before + 2)
    await host.close()
  })
})

describe('spins in one percent of the calls', () => {
  it('are stopped by the breaker long before they are one percent of the time', async () => {
    const clock = virtualClock()
    const host = createPluginHost({ clock })
    const code = `(global $n (mut i32) (i32.const 0))
      ${hook('on_request_head', `(if (i32.ge_s (call $get_header (i32.const 0) {name} {buf} (i32.const 9)) (i32.const 0)) (then ${SPIN}))`)}`
    await host.load({
      name: 'spinner',
      abi: 'sluice:v1',
      source: { bytes: guest({ texts: { name: 'x-boom' }, code }) },
      capabilities: { requestHeaders: { read: ['x-boom'] } },
      failure: 'open',
    })
    const proxy = createProxy({ clock })
      .use(host.plugin('spinner'))
      .handle(() => Reply.empty(204))
    let others = 0
    // A minute with 100 requests a second.
    for (let i = 0; i < 6_000; i++) {
      const { status } = await proxy.inject({ headers: i % 100 === 50 ? { 'x-boom': '1' } : {} })
      if (status === 204) others++
      clock.advance(10)
    }
    const { faults, skips, hooks } = host.snapshot()[0]!
    expect(others).toBe(6_000)
    // 60 wanted to spin. Ten are let spin before the plugin rests, then one after each rest until it is well again.
    expect(faults.fuel).toBeLessThanOrEqual(25)
    expect(skips).toBeGreaterThan(2_000)
    expect(hooks.on_request_head?.maxFuel).toBe(10_000_000)
    await host.close()
  })
})
