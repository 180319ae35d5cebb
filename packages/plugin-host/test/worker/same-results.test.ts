import { createProxy, defineMiddleware, identity, Reply } from '@sluice/core'
import { seededRandom, virtualClock, waitFor } from '@sluice/testing'
import { Body } from '@sluice/wire'
/** A plugin on a thread of its own does what it does inline: the same runs, compared. */
import { describe, expect, it } from 'vitest'
import {
  createPluginHarness,
  type HarnessManifest,
  type HarnessRun,
  plugin,
  type PluginCapabilities,
} from '../../src/index.ts'
import { extismGuest, httpWasmGuest } from '../foreign/foreign-guests.ts'
import { form, guest, hook } from '../guest.ts'

const ALL: PluginCapabilities = {
  requestHeaders: { read: ['*'], write: ['*'] },
  replyHeaders: { read: ['*'], write: ['*'] },
  requestBody: 'buffer',
  replyBody: 'buffer',
  properties: { read: ['*'], write: ['*'] },
  respond: true,
  kv: { prefixes: ['k'] },
  metrics: true,
}

const NOBODY = { scheme: 'test', claims: {}, scopes: [], roles: [], raw: undefined }

type Run = Parameters<Awaited<ReturnType<typeof createPluginHarness>>['run']>[0]

/** Runs the exchanges inline and on a thread, and gives what came of them, which is the same. */
async function both(bytes: Uint8Array, manifest: HarnessManifest, ...exchanges: Run[]): Promise<HarnessRun[]> {
  const results = []
  for (const isolation of ['inline', 'worker'] as const) {
    const options = { clock: virtualClock(), random: seededRandom(7) }
    // The same fuel, so that what is used can be compared.
    const limits = { fuel: 20_000_000, ...manifest.limits }
    const harness = await createPluginHarness(bytes, { capabilities: ALL, ...manifest, limits, isolation }, options)
    const runs: HarnessRun[] = []
    for (const exchange of exchanges) runs.push(await harness.run(exchange))
    const { metrics, denials, faults, localReplies, skips, maxPages, hooks } = harness.snapshot()
    await harness.close()
    results.push({
      runs: runs.map(comparable),
      metrics,
      denials,
      faults,
      localReplies,
      skips,
      maxPages,
      calls: count(hooks),
    })
    if (isolation === 'worker') {
      expect(results[1]).toEqual(results[0])
      return runs
    }
  }
  throw new Error('unreachable')
}

function comparable({ faults, forwarded, reply, ...run }: HarnessRun): unknown {
  return {
    ...run,
    forwarded: forwarded && { ...forwarded, headers: [...forwarded.headers] },
    reply: { ...reply, headers: [...reply.headers] },
    faults: faults.map(({ code, message }) => [code, message]),
  }
}

function count(
  hooks: Readonly<Record<string, { readonly calls: number; readonly fuel: number } | undefined>>,
): unknown {
  return Object.entries(hooks).map(([name, counts]) => [name, counts?.calls, counts?.fuel])
}

const REPORT = (call: string) => `(call $set_header (i32.const 1) {out} {buf} ${call})`

describe('on a thread of its own a plugin', () => {
  it('reads and edits heads, properties and state, counts, logs, asks the store and throws dice', async () => {
    const bytes = guest({
      texts: {
        a: 'x-a',
        b: 'X-B',
        c: 'x-c',
        value: 'value',
        gone: 'x-gone',
        edits: form(3, 1, 'x-c', 'two', 0, 'x-d', 'd', 2, 'x-nowhere'),
        method: 'method',
        put: 'PUT',
        target: 'target',
        path: '/b?c=d',
        status: 'status',
        teapot: '418',
        state: 'kept\xff',
        result: '{"a":[1,"\xc3\xa9"]}',
        key: 'k1',
        foreign: 'other',
        metric: 'count.a',
        bad: 'Not.A.Name',
        line: 'h\xc3\xa9llo',
        out: 'x-out',
        address: 'client.address',
      },
      code:
        hook(
          'on_request_head',
          `(drop (call $set_header (i32.const 0) {a} {value}))
           (drop (call $add_header (i32.const 0) {b} {value}))
           (drop (call $remove_header (i32.const 0) {gone}))
           (drop (call $edit_head (i32.const 0) {edits}))
           (drop (call $set_property {method} {put}))
           (drop (call $set_property {target} {path}))
           (drop (call $set_state {state}))
           (drop (call $set_result {result}))
           (drop (call $kv_increment {key} (f64.const 5) (i32.const 0)))
           (drop (call $kv_increment {key} (f64.const 2) (i32.const 1000)))
           (drop (call $kv_get {foreign} {buf} (i32.const 9)))
           (drop (call $metric (i32.const 0) {metric} (f64.const 1.5)))
           (drop (call $metric (i32.const 1) {metric} (f64.const 1)))
           (drop (call $metric (i32.const 0) {bad} (f64.const 1)))
           (drop (call $log (i32.const 3) {line}))
           (drop (call $log (i32.const 2) {buf} (call $get_property {address} {buf} (i32.const 99))))
           (drop (call $random {buf} (i32.const 100)))
           (drop (call $log (i32.const 2) {buf} (i32.const 100)))`,
        ) +
        hook(
          'on_response_head',
          `(drop ${REPORT('(call $get_state {buf} (i32.const 99))')})
           (drop ${REPORT('(call $kv_get {key} {buf} (i32.const 9))')})
           (drop (call $kv_compare_and_swap {key} {buf} (i32.const 1) {value} (i32.const 0)))
           (drop (call $kv_delete {key}))
           (drop (call $set_property {status} {teapot}))
           (drop (call $log (i32.const 2) {buf} (call $get_head (i32.const 1) {buf} (i32.const 999))))
           (drop (call $log (i32.const 2) {buf} (call $get_head (i32.const 0) {buf} (i32.const 999))))`,
        ),
    })
    const request = { headers: { 'X-Gone': '1', 'x-b': 'b', cookie: 'a=\xe9' }, address: '2001:db8::1' }
    const run = await both(bytes, {}, { request, reply: { headers: { 'set-cookie': ['a', 'b'] } } }, {})
    const [{ forwarded, reply, logs }] = run as [HarnessRun]
    // That they are the same would be no use if nothing had happened.
    expect(forwarded).toMatchObject({ method: 'PUT', target: '/b?c=d' })
    expect(forwarded!.headers.toJSON()).toEqual({
      host: 'localhost',
      cookie: 'a=\xe9',
      'x-a': 'value',
      'x-b': ['b', 'value'],
      'x-c': 'two',
      'x-d': 'd',
    })
    expect([reply.status, reply.headers.get('x-out'), logs.length]).toEqual([418, '7', 5])
    expect(run[0]!.result).toEqual({ a: [1, 'é'] })
  })

  it('reads route, parameters, client and identity, and the end of the exchange', async () => {
    const names = [
      'route.name',
      'route.params.id',
      'identity.subject',
      'client.address',
      'authority',
      'scheme',
      'env.HOME',
    ]
    const ends = ['exchange.body_bytes', 'method', 'status']
    const log = (name: string) =>
      `(drop (call $log (i32.const 2) {buf} (call $get_property {${name}} {buf} (i32.const 999))))`
    const all = [...names, ...ends]
    const bytes = guest({
      texts: Object.fromEntries(all.map((name) => [name.replaceAll('.', '_'), name])),
      code:
        hook('on_request_head', names.map((name) => log(name.replaceAll('.', '_'))).join(' ')) +
        hook('on_log', ends.map((name) => log(name.replaceAll('.', '_'))).join(' ')),
    })
    const seen = []
    for (const isolation of ['inline', 'worker'] as const) {
      const lines: string[] = []
      const capabilities = { properties: { read: ['*'] }, env: ['HOME'] }
      const made = plugin(
        { name: 'reading', abi: 'sluice:v1', source: { bytes }, capabilities, isolation, selfTest: false },
        { onLog: ({ message, exchange }) => lines.push(`${message} ${exchange?.params['id']}`) },
      )
      const known = defineMiddleware('known', (exchange, next) =>
        next(exchange.set(identity, { ...NOBODY, subject: 'Zoë' })),
      )
      const proxy = createProxy().route({ name: 'users', path: '/users/:id' }, (route) =>
        route
          .use(known)
          .use(made)
          .handle(() => Reply.text('hello', { status: 201 })),
      )
      const peer = { address: '192.0.2.1' }
      await (await proxy.inject({ path: '/users/%E2%82%AC', headers: { host: 'example.com' }, peer })).text()
      await waitFor(() => lines.length === all.length)
      await made.close()
      seen.push(lines)
    }
    expect(seen[1]).toEqual(seen[0])
    expect(seen[1]!.slice(0, 4)).toEqual(['users €', '€ €', 'Zoë €', '192.0.2.1 €'])
    expect(seen[1]!.slice(-3)).toEqual(['5 €', 'GET €', '201 €'])
  })

  it('replaces whole bodies, also those that are longer than the ring, and answers by itself', async () => {
    const bytes = guest({
      pages: 40,
      texts: { tail: 'tail', fields: form(1, 'x-own', 'yes'), no: 'no' },
      code:
        hook(
          'on_request_body',
          `(drop (call $get_body (i32.const 0) (i32.const 0) (i32.const 65536) (local.get $a)))
           (drop (call $set_body (i32.const 0) (i32.const 65537) (i32.sub (local.get $a) (i32.const 1))))`,
        ) +
        hook(
          'on_response_body',
          `(if (i32.gt_u (local.get $a) (i32.const 9)) (then (drop (call $respond (i32.const 403) {fields} {no})) (return (i32.const 1))))
           (drop (call $set_body (i32.const 1) {tail}))`,
        ),
    })
    const limits = { bodyBytes: 2_000_000, outputBytes: 2_000_000 }
    const body = 'ab'.repeat(450_000)
    const [long, short] = await both(
      bytes,
      { limits },
      { request: { method: 'POST', body }, reply: { body: 'x'.repeat(100) } },
      { request: { method: 'POST', body: 'abc' }, reply: { body: 'x' } },
    )
    expect(long!.faults).toEqual([])
    expect(long!.forwarded!.body === body.slice(1)).toBe(true)
    expect([long!.reply.status, long!.reply.body, long!.reply.headers.get('x-own')]).toEqual([403, 'no', 'yes'])
    expect([short!.forwarded!.body, short!.reply.body]).toEqual(['bc', 'tail'])
  })

  it('sees bodies chunk by chunk', async () => {
    const chunk = `(if (i32.eq (local.get $b) (i32.const 1)) (then (drop (call $set_body (i32.const 0) {end})))
      (else (if (i32.eq (local.get $a) (i32.const 3)) (then (drop (call $set_body (i32.const 0) {three}))))))`
    const bytes = guest({ texts: { end: '.', three: 'three' }, code: hook('on_request_body', chunk) })
    const capabilities = { ...ALL, requestBody: 'stream' } as const
    const request = () => ({ method: 'POST', body: Body.from(chunks(['a', 'bcd', 'ef'])) })
    const runs = []
    for (const isolation of ['inline', 'worker'] as const) {
      const harness = await createPluginHarness(bytes, { capabilities, isolation })
      runs.push(comparable(await harness.run({ request: request() })))
      await harness.close()
    }
    expect(runs[1]).toMatchObject({ forwarded: { body: 'athreeef.' }, calls: [{}, {}, {}, {}] })
  })

  it('fails as inline, and takes back what it wrote', async () => {
    const faults = {
      trap: '(unreachable)',
      fuel: '(loop (br 0))',
      split: '(drop (call $set_header (i32.const 0) {a} {text}))',
      deep: '(call $deep)',
    }
    const names = Object.keys(faults)
    const ways = Object.entries(faults).map(
      ([name, code]) =>
        `(if (i32.ge_s (call $get_header (i32.const 0) {${name}} {buf} (i32.const 9)) (i32.const 0)) (then ${code}))`,
    )
    const bytes = guest({
      texts: { a: 'x-a', text: 'a\r\nb', ...Object.fromEntries(names.map((name) => [name, `x-${name}`])) },
      code: `(func $deep (call $deep) (call $deep))
        ${hook('on_request_head', `(drop (call $set_header (i32.const 0) {a} {a})) ${ways.join(' ')}`)}`,
    })
    const exchanges = names.map((name) => ({ request: { headers: { [`x-${name}`]: '1' } } }))
    const runs = await both(bytes, { limits: { fuel: 100_000 }, failure: 'open' }, ...exchanges)
    expect(runs.map((run) => run.faults.map(({ code }) => code).join())).toEqual([
      'ERR_SLUICE_PLUGIN_TRAP',
      'ERR_SLUICE_PLUGIN_FUEL',
      'ERR_SLUICE_PLUGIN_OUTPUT',
      'ERR_SLUICE_PLUGIN_TRAP',
    ])
    expect(runs.map(({ forwarded }) => forwarded!.headers.has('x-a'))).toEqual([false, false, false, false])
  })
})

describe('on a thread of its own', () => {
  it('a guest of http-wasm finds its number again', async () => {
    const code = `(func (export "handle_request") (result i64)
        (call $set_header_value (i32.const 1) {a} {b})
        (i64.or (i64.const 1) (i64.shl (i64.const 77) (i64.const 32))))
      (func (export "handle_response") (param $number i32) (param $error i32)
        (if (i32.ne (local.get $number) (i32.const 77)) (then (unreachable)))
        (call $write_body (i32.const 1) {b}))`
    const bytes = httpWasmGuest({ texts: { a: 'x-a', b: 'body' }, code })
    const [run] = await both(bytes, { abi: 'http-wasm' }, { reply: { body: 'before' } })
    expect([run!.reply.body, run!.reply.headers.get('x-a')]).toEqual(['body', 'body'])
  })

  it('a classic plugin of Extism takes and gives its JSON', async () => {
    const bytes = extismGuest({
      texts: { delta: JSON.stringify({ headers_to_add: { 'x-tenant': 'a' }, uri: '/tenant' }) },
      code: '(func (export "on_request") (result i32) (call $echo) (call $give {delta}) (i32.const 0))',
    })
    const [run] = await both(bytes, { abi: 'extism-json' }, { request: { method: 'POST', body: 'é' } })
    expect([run!.forwarded!.target, run!.forwarded!.headers.get('x-tenant')]).toEqual(['/tenant', 'a'])
  })
})

function chunks(texts: readonly string[]) {
  return {
    start(sink: { write(chunk: Uint8Array): boolean; end(): void }) {
      for (const text of texts) sink.write(Buffer.from(text))
      sink.end()
    },
    resume() {},
    cancel() {},
  }
}
