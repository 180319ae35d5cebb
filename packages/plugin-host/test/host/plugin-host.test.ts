import { createProxy, defineSlot, Reply } from '@sluice/core'
import { virtualClock, waitFor } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import {
  createPluginHost,
  plugin,
  pluginBreakerChanged,
  pluginCallEnded,
  pluginFaulted,
  type PluginManifest,
  pluginReplied,
  pluginSkipped,
  pluginSwapFailed,
  pluginSwapped,
} from '../../src/index.ts'
import { form, guest, hook } from '../guest.ts'

const stamp = (value: string) =>
  guest({
    texts: { name: 'x-by', value },
    code: hook('on_request_head', '(drop (call $add_header (i32.const 0) {name} {value}))'),
  })
const WRITE = { requestHeaders: { read: ['*'], write: ['*'] }, replyHeaders: { read: ['*'], write: ['*'] } }
const manifest = (value: string, more: Partial<PluginManifest> = {}): PluginManifest => ({
  name: 'stamp',
  version: value,
  abi: 'sluice:v1',
  source: { bytes: stamp(value) },
  capabilities: WRITE,
  ...more,
})
const stamps = () => Reply.text('')

describe('a host', () => {
  it('has plugins by name, which stand in chains in their order', async () => {
    const host = createPluginHost()
    await host.load(manifest('one', { name: 'first' }))
    await host.load(manifest('two', { name: 'second' }))
    const proxy = createProxy().route({ path: '/a' }, (route) =>
      route
        .use(host.plugin('second'))
        .use(host.plugin('first'))
        .use(host.plugin('second'))
        .handle(({ request }) => Reply.text(request.headers.get('x-by') ?? '')),
    )
    expect(await (await proxy.inject({ path: '/a' })).text()).toBe('two, one, two')
    expect(proxy.explain({ path: '/a' }).middlewares).toEqual(['plugin:second', 'plugin:first', 'plugin:second'])
    expect(host.snapshot().map(({ name, version }) => [name, version])).toEqual([
      ['first', 'one'],
      ['second', 'two'],
    ])
    await host.close()
  })

  it('refuses a second one of a name, and one that is not there', async () => {
    const host = createPluginHost()
    await host.load(manifest('one'))
    await expect(host.load(manifest('two'))).rejects.toThrow(/loaded already/)
    expect(() => host.plugin('other')).toThrow(/no plugin "other" is loaded; there is: stamp/)
    const odd: object = { slott: defineSlot<number>()('n') }
    expect(() => host.plugin('stamp', odd)).toThrow('plugin.slott: is not known: there are slot, otherwise, parse')
    await expect(host.replace('stamp', manifest('two', { name: 'other' }))).rejects.toThrow(/plugin.name/)
    await host.close()
  })

  it('keeps nothing of one that could not be loaded', async () => {
    const host = createPluginHost()
    await expect(host.load(manifest('one', { source: { bytes: Buffer.from('junk') } }))).rejects.toMatchObject({
      code: 'ERR_SLUICE_PLUGIN_MODULE',
      plugin: 'stamp',
    })
    expect(host.snapshot()).toEqual([])
    await host.load(manifest('one'))
    await host.close()
  })

  it.each([
    ['open', 200],
    ['closed', 500],
  ] as const)('that unloads a plugin leaves its routes with failure: %s', async (failure, status) => {
    const host = createPluginHost()
    await host.load(manifest('one', { failure }))
    const proxy = createProxy().use(host.plugin('stamp')).handle(stamps)
    expect((await proxy.inject()).status).toBe(200)
    host.unload('stamp')
    expect((await proxy.inject()).status).toBe(status)
    await host.close()
  })
})

describe('a swap', () => {
  const open = async (more: Partial<PluginManifest> = {}) => {
    const host = createPluginHost()
    await host.load(manifest('one', more))
    const proxy = createProxy()
      .use(host.plugin('stamp'))
      .handle(({ request }) => Reply.text(request.headers.get('x-by') ?? ''))
    return { host, proxy, send: async () => await (await proxy.inject()).text() }
  }

  it('puts another version in place, in one step', async () => {
    const { host, send } = await open()
    const seen: unknown[] = []
    const listener = (event: unknown) => seen.push(event)
    pluginSwapped.subscribe(listener)
    const swap = host.replace('stamp', manifest('two'))
    expect(await send()).toBe('one')
    await swap
    expect(await send()).toBe('two')
    pluginSwapped.unsubscribe(listener)
    expect(seen).toMatchObject([{ plugin: 'stamp', from: 'one', to: 'two' }])
    expect(host.snapshot()[0]).toMatchObject({ version: 'two', swaps: 1 })
    await host.close()
  })

  it('in which several follow each other ends with the last', async () => {
    const { host, send } = await open()
    await Promise.all(['two', 'three', 'four'].map((version) => host.replace('stamp', manifest(version))))
    expect(await send()).toBe('four')
    expect(host.snapshot()[0]?.swaps).toBe(3)
    await host.close()
  })

  it.each([
    ['that is no module', { source: { bytes: Buffer.from('junk') } }, 'ERR_SLUICE_PLUGIN_MODULE'],
    ['of another hash', { sha256: 'ab'.repeat(32) }, 'ERR_SLUICE_PLUGIN_HASH'],
    ['of an unknown interface', { abi: 'wasi:http' as 'sluice:v1' }, 'ERR_SLUICE_CONFIG'],
    ['with a wrong configuration', { config: 1, configSchema: { type: 'string' } }, 'ERR_SLUICE_CONFIG'],
    [
      'that imports what is not granted',
      { source: { bytes: guest({ code: hook('on_request_head', '(drop (call $kv_delete {buf} (i32.const 0)))') }) } },
      'ERR_SLUICE_PLUGIN_IMPORT',
    ],
    [
      'whose on_init refuses',
      { source: { bytes: guest({ code: hook('on_request_head', '') + hook('on_init', '', 1) }) } },
      'ERR_SLUICE_PLUGIN_REFUSED',
    ],
    [
      'that fails its self-test',
      { source: { bytes: guest({ code: hook('on_request_head', '(unreachable)') }) } },
      'ERR_SLUICE_PLUGIN_REFUSED',
    ],
    ['that can not be read', { source: './nowhere.wasm' }, 'ERR_SLUICE_PLUGIN_SOURCE'],
  ])('to one %s is refused, and the running version stays', async (_, more, code) => {
    const { host, send } = await open()
    const failed: unknown[] = []
    const listener = (event: unknown) => failed.push(event)
    pluginSwapFailed.subscribe(listener)
    await expect(host.replace('stamp', manifest('two', more))).rejects.toMatchObject({ code })
    pluginSwapFailed.unsubscribe(listener)
    expect(failed).toHaveLength(code === 'ERR_SLUICE_CONFIG' ? 0 : 1)
    expect(await send()).toBe('one')
    expect(host.snapshot()[0]).toMatchObject({ version: 'one', swaps: 0 })
    await host.replace('stamp', manifest('three'))
    expect(await send()).toBe('three')
    await host.close()
  })

  it('leaves exchanges under way with the version that they began with', async () => {
    const both = (value: string) =>
      guest({
        texts: { name: 'x-by', value },
        code:
          hook('on_request_head', '(drop (call $add_header (i32.const 0) {name} {value}))') +
          hook('on_response_head', '(drop (call $add_header (i32.const 1) {name} {value}))'),
      })
    const host = createPluginHost()
    await host.load(manifest('one', { source: { bytes: both('one') } }))
    const { promise, resolve } = Promise.withResolvers<void>()
    const proxy = createProxy()
      .use(host.plugin('stamp'))
      .handle(async ({ request }) => {
        const by = request.headers.get('x-by') ?? ''
        if (by === 'one') await promise
        return Reply.text(by)
      })
    const early = proxy.inject()
    await host.replace('stamp', manifest('two', { source: { bytes: both('two') } }))
    const late = await proxy.inject()
    resolve()
    const reply = await early
    expect([await reply.text(), reply.headers.get('x-by')]).toEqual(['one', 'one'])
    expect([await late.text(), late.headers.get('x-by')]).toEqual(['two', 'two'])
    await host.close()
  })

  it('keeps keys, values and counts', async () => {
    const counting = (version: string) =>
      guest({
        texts: { key: 'n', version },
        code: hook(
          'on_request_head',
          '(drop (call $kv_increment {key} (f64.const 1) (i32.const 0))) (drop (call $kv_get {key} {buf} (i32.const 9))) (drop (call $log (i32.const 2) {buf} (i32.const 1)))',
        ),
      })
    const logs: string[] = []
    const host = createPluginHost({ onLog: ({ version, message }) => logs.push(`${version}: ${message}`) })
    const capabilities = { kv: { prefixes: ['n'] } }
    await host.load(manifest('one', { source: { bytes: counting('one') }, capabilities }))
    const proxy = createProxy().use(host.plugin('stamp')).handle(stamps)
    await proxy.inject()
    await host.replace('stamp', manifest('two', { source: { bytes: counting('two') }, capabilities }))
    await proxy.inject()
    // The self-test counts in a store of its own, and logs nothing.
    expect(logs).toEqual(['one: 1', 'two: 2'])
    expect(host.snapshot()[0]?.hooks.on_request_head?.calls).toBe(2)
    await host.close()
  })
})

describe('a self-test', () => {
  const answering = guest({
    texts: { name: 'x-kind', good: 'good', body: 'go away', fields: form(0) },
    code: hook(
      'on_request_head',
      `(if (i32.lt_s (call $get_header (i32.const 0) {name} {buf} (i32.const 9)) (i32.const 0))
        (then (drop (call $respond (i32.const 403) {fields} {body})) (return (i32.const 1))))
       (drop (call $set_header (i32.const 0) {name} {good}))`,
    ),
  })
  const capabilities = { ...WRITE, respond: true }
  const load = async (selfTest: PluginManifest['selfTest']) => {
    const host = createPluginHost()
    try {
      await host.load(
        manifest('one', {
          source: { bytes: answering },
          capabilities,
          ...(selfTest === undefined ? {} : { selfTest }),
        }),
      )
      return 'served'
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_SLUICE_PLUGIN_REFUSED' })
      return (error as Error).message
    } finally {
      await host.close()
    }
  }

  it('compares what comes of a request with what is expected', async () => {
    const request = { headers: { 'x-kind': 'any' } }
    expect(
      await load([
        { expect: { status: 403, body: 'go away' } },
        { request, expect: { status: 200, requestHeaders: { 'x-kind': 'good' } } },
      ]),
    ).toBe('served')
    expect(await load([{ expect: { status: 200 } }])).toContain('case 0: the status is 403, not 200')
    expect(await load([{ request, expect: { requestHeaders: { 'x-kind': 'bad' } } }])).toContain(
      'request field x-kind is "good"',
    )
    expect(await load([{ request }, { expect: { body: 'welcome' } }])).toContain('case 1: the body is "go away"')
    expect(
      await load([{ request, reply: { headers: { 'x-a': '1' } }, expect: { replyHeaders: { 'x-a': '2' } } }]),
    ).toContain('reply field x-a is "1"')
  })

  it('can be left out', async () => {
    expect(await load(false)).toBe('served')
  })
})

describe('a tick', () => {
  it('comes at its times, on one instance, until the end', async () => {
    const clock = virtualClock()
    const logs: string[] = []
    const host = createPluginHost({
      clock,
      onLog: ({ message, exchange }) => logs.push(`${message} ${exchange === undefined}`),
    })
    const bytes = guest({ texts: { tick: 'tick' }, code: hook('on_tick', '(drop (call $log (i32.const 2) {tick}))') })
    await host.load(manifest('one', { source: { bytes }, tickMs: 500 }))
    for (let i = 0; i < 3; i++) await clock.advanceAsync(500)
    expect(logs).toEqual(['tick true', 'tick true', 'tick true'])
    await host.replace('stamp', manifest('two', { source: { bytes }, tickMs: 2_000 }))
    await clock.advanceAsync(1_999)
    expect(logs).toHaveLength(3)
    await clock.advanceAsync(1)
    expect(logs).toHaveLength(4)
    await host.close()
    expect(clock.pending).toBe(0)
  })
})

describe('what happens', () => {
  it('is told on channels', async () => {
    const clock = virtualClock()
    const seen: string[] = []
    const listen = <T>(
      channel: { subscribe(listener: (event: T) => void): void; unsubscribe(listener: (event: T) => void): void },
      text: (event: T) => string,
    ) => {
      const listener = (event: T) => void seen.push(text(event))
      channel.subscribe(listener)
      return () => channel.unsubscribe(listener)
    }
    const ends = [
      listen(pluginCallEnded, (e) => `${e.hook} ${e.action} ${e.fuel > 0} ${e.pages}`),
      listen(pluginFaulted, (e) => `fault ${e.kind} ${e.error.code}`),
      listen(pluginReplied, (e) => `reply ${e.status}`),
      listen(pluginSkipped, (e) => `skip ${e.reason}`),
      listen(pluginBreakerChanged, (e) => `breaker ${e.isOpen}`),
    ]
    const host = createPluginHost({ clock })
    const code = hook(
      'on_request_head',
      `(if (i32.ge_s (call $get_header (i32.const 0) {boom} {buf} (i32.const 9)) (i32.const 0)) (then (unreachable)))
       (if (i32.ge_s (call $get_header (i32.const 0) {skip} {buf} (i32.const 9)) (i32.const 0)) (then (return (i32.const 3))))
       (drop (call $respond (i32.const 204) {buf} (i32.const 0) {buf} (i32.const 0)))
       (return (i32.const 1))`,
    )
    const bytes = guest({ texts: { boom: 'x-boom', skip: 'x-skip' }, code })
    await host.load(
      manifest('one', {
        source: { bytes },
        failure: 'open',
        capabilities: { ...WRITE, respond: true },
        breaker: { faults: 1 },
      }),
    )
    const proxy = createProxy({ clock }).use(host.plugin('stamp')).handle(stamps)
    await proxy.inject()
    await proxy.inject({ headers: { 'x-skip': '1' } })
    await proxy.inject({ headers: { 'x-boom': '1' } })
    await proxy.inject()
    for (const end of ends) end()
    expect(seen).toEqual([
      'on_request_head respond true 2',
      'reply 204',
      'on_request_head skip true 2',
      'skip plugin',
      'on_request_head fault true 2',
      'breaker true',
      'fault trap ERR_SLUICE_PLUGIN_TRAP',
      'fault open ERR_SLUICE_PLUGIN_OPEN',
      'skip open',
    ])
    expect(host.snapshot()[0]).toMatchObject({
      localReplies: 1,
      skips: 2,
      faults: { trap: 1, open: 1 },
      breaker: 'open',
    })
    await host.close()
  })
})

describe('plugin()', () => {
  it('refuses a wrong manifest at once', () => {
    expect(() => plugin(manifest('one', { limits: { fuel: -1 } }))).toThrow(/plugin\.limits\.fuel/)
  })

  it('lets exchanges wait until it is loaded', async () => {
    const middleware = plugin(manifest('one'))
    const proxy = createProxy()
      .use(middleware)
      .handle(({ request }) => Reply.text(request.headers.get('x-by') ?? ''))
    expect(await (await proxy.inject()).text()).toBe('one')
    await middleware.ready
    await middleware.replace(manifest('two'))
    expect(await (await proxy.inject()).text()).toBe('two')
    expect(middleware.snapshot()).toMatchObject({ name: 'stamp', version: 'two' })
    await middleware.close()
  })

  it.each([
    ['open', 200],
    ['closed', 500],
  ] as const)('that can not be loaded answers with failure: %s', async (failure, status) => {
    const middleware = plugin(manifest('one', { source: { bytes: Buffer.from('junk') }, failure }))
    const proxy = createProxy().use(middleware).handle(stamps)
    const reply = await proxy.inject()
    expect(reply.status).toBe(status)
    if (failure === 'closed') expect(await reply.json()).toMatchObject({ code: 'ERR_SLUICE_PLUGIN_MODULE' })
    await expect(middleware.ready).rejects.toMatchObject({ code: 'ERR_SLUICE_PLUGIN_MODULE' })
    await middleware.replace(manifest('two'))
    expect((await proxy.inject()).status).toBe(200)
    await middleware.close()
  })

  it('puts what it sets into a slot', async () => {
    const slot = defineSlot<{ readonly country: string }>()('geo')
    const bytes = guest({
      texts: { json: '{"country":"NZ"}', bad: '[]', header: 'x-bad' },
      code: hook(
        'on_request_head',
        `(if (i32.ge_s (call $get_header (i32.const 0) {header} {buf} (i32.const 9)) (i32.const 0))
          (then (drop (call $set_result {bad})))
          (else (drop (call $set_result {json}))))`,
      ),
    })
    const parse = (value: unknown) => {
      if (Array.isArray(value)) throw new TypeError('no object')
      return value as { readonly country: string }
    }
    const middleware = plugin(manifest('one', { source: { bytes } }), { slot, otherwise: { country: '' }, parse })
    const proxy = createProxy()
      .use(middleware)
      .handle((exchange) => Reply.text(`in ${exchange.get(slot).country}`))
    expect(await (await proxy.inject()).text()).toBe('in NZ')
    expect(await (await proxy.inject({ headers: { 'x-bad': '1' } })).text()).toBe('in ')
    await middleware.close()
  })

  it('leaves instances free when clients leave in the middle of a body', async () => {
    const bytes = guest({ code: hook('on_response_body', '') })
    const middleware = plugin(manifest('one', { source: { bytes }, capabilities: { replyBody: 'stream' } }))
    const { Body, HeaderList } = await import('@sluice/wire')
    const endless = () => Body.from({ start: (sink) => void sink.write(Buffer.from('x')), resume() {}, cancel() {} })
    const proxy = createProxy()
      .use(middleware)
      .handle(() => new Reply(200, new HeaderList(), endless()))
    const stream = (await proxy.inject()).body.stream()
    await stream.cancel()
    await middleware.replace(manifest('two'))
    await waitFor(() => middleware.snapshot().instances.free > 0)
    await middleware.close()
  })
})
