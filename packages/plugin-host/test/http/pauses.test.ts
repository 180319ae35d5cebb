import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createProxy, DownstreamError, type Exchange, Reply } from '@sluice/core'
import { virtualClock, waitFor } from '@sluice/testing'
import { afterEach, describe, expect, it } from 'vitest'
import {
  createPluginHarness,
  createPluginHost,
  type HarnessManifest,
  type OutboundReply,
  type OutboundSender,
  type PluginManifest,
} from '../../src/index.ts'
import { form, guest, hook } from '../guest.ts'

/** A network that answers when a test says so. */
class Network implements OutboundSender {
  readonly asked: {
    readonly url: string
    readonly method: string
    readonly fields: readonly string[]
    readonly signal: AbortSignal
  }[] = []
  readonly #waiting: { resolve(reply: OutboundReply): void; reject(error: Error): void }[] = []

  send({ url, method, fields, signal }: Parameters<OutboundSender['send']>[0]): Promise<OutboundReply> {
    this.asked.push({ url: url.href, method, fields, signal })
    return new Promise((resolve, reject) => {
      const waiting = { resolve, reject }
      this.#waiting.push(waiting)
      signal.addEventListener('abort', () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
        reject(signal.reason as Error)
      })
    })
  }

  answer(status: number, body = '', fields: string[] = []): void {
    this.#waiting.shift()!.resolve({ status, body: Buffer.from(body), fields })
  }

  async close(): Promise<void> {}
}

const CALL = form('GET', 'http://auth.test/check', 0, 1, 'x-key', 'abc', '')
const HTTP = { hosts: ['auth.test'] }
const GRANTS = {
  http: HTTP,
  respond: true,
  requestHeaders: { read: ['*'], write: ['*'] },
  replyHeaders: { write: ['*'] },
}
const TEXTS = { call: CALL, name: 'x-auth', yes: 'yes', no: 'no' }
/** Asks, and waits. */
const ASK = '(drop (call $set_header (i32.const 0) {name} {no})) (drop (call $http_request {call}))'
const ON_REPLY = `(func (export "on_http_reply") (param $call i32) (param $status i32) (result i32)
  (if (i32.eq (local.get $status) (i32.const 200))
    (then (drop (call $set_header (i32.const 0) {name} {buf} (call $http_reply_body (local.get $call) (i32.const 0) {buf} (i32.const 99)))) (return (i32.const 0))))
  (drop (call $respond (i32.const 401) {buf} (i32.const 0) {no}))
  (i32.const 1))`
const ASKING = guest({ texts: TEXTS, code: hook('on_request_head', ASK, 2) + ON_REPLY })

const MANIFEST: PluginManifest = {
  name: 'auth',
  abi: 'sluice:v1',
  source: { bytes: ASKING },
  capabilities: GRANTS,
  selfTest: false,
}

async function started(manifest: Partial<PluginManifest> = {}) {
  const clock = virtualClock()
  const http = new Network()
  const host = createPluginHost({ clock, http })
  await host.load({ ...MANIFEST, ...manifest })
  let exchange: Exchange | undefined
  const proxy = createProxy({ clock })
    .use((x, next) => next((exchange = x)))
    .use(host.plugin('auth'))
    .handle(({ request }) => Reply.text(request.headers.get('x-auth') ?? 'none'))
  return { clock, http, host, proxy, exchange: () => exchange! }
}

describe('a paused hook', () => {
  it('goes on with what was answered', async () => {
    const { http, host, proxy } = await started()
    const reply = proxy.inject()
    await waitFor(() => http.asked.length === 1)
    expect(http.asked[0]).toMatchObject({ method: 'GET', url: 'http://auth.test/check', fields: ['x-key', 'abc'] })
    http.answer(200, 'alice')
    expect(await (await reply).text()).toBe('alice')
    await host.close()
  })

  it('can answer by itself', async () => {
    const { http, host, proxy } = await started()
    const reply = proxy.inject()
    await waitFor(() => http.asked.length === 1)
    http.answer(403)
    expect(await (await reply).text()).toBe('no')
    expect((await reply).status).toBe(401)
    await host.close()
  })

  it('leaves other exchanges alone, each with an instance of its own', async () => {
    const { http, host, proxy } = await started()
    const replies = [proxy.inject(), proxy.inject(), proxy.inject()]
    await waitFor(() => http.asked.length === 3)
    http.answer(200, 'one')
    http.answer(200, 'two')
    http.answer(200, 'three')
    const texts = await Promise.all(replies.map(async (reply) => await (await reply).text()))
    expect(texts).toEqual(['one', 'two', 'three'])
    await host.close()
  })

  it('waits for an instance where all are paused, and no longer than its time', async () => {
    const { clock, http, host, proxy } = await started({ instances: { max: 1 }, limits: { wallMs: 1_000 } })
    const first = proxy.inject()
    await waitFor(() => http.asked.length === 1)
    const second = proxy.inject()
    http.answer(200, 'one')
    await waitFor(() => http.asked.length === 2)
    const third = proxy.inject()
    http.answer(200, 'two')
    await waitFor(() => http.asked.length === 3)
    const fourth = proxy.inject()
    const fifth = proxy.inject()
    // The third is given up, and its instance with it; the one that takes its place serves the fourth.
    await clock.advanceAsync(1_000)
    await waitFor(() => http.asked.length === 4)
    http.answer(200, 'four')
    expect(await (await first).text()).toBe('one')
    expect(await (await second).text()).toBe('two')
    expect((await third).status).toBe(504)
    expect(await (await fourth).text()).toBe('four')
    expect((await fifth).status).toBe(503)
    expect(host.snapshot()[0]?.faults).toEqual({ timeout: 1, busy: 1 })
    await host.close()
  })

  it.each([
    ['closed', 504],
    ['open', 200],
  ] as const)('that is never resumed ends with failure: %s', async (failure, status) => {
    const { clock, http, host, proxy } = await started({
      failure,
      capabilities: { ...GRANTS, http: { ...HTTP, timeoutMs: 60_000 } },
    })
    const reply = proxy.inject({ headers: { 'x-auth': 'given' } })
    await waitFor(() => http.asked.length === 1)
    await clock.advanceAsync(4_999)
    expect(http.asked[0]?.signal.aborted).toBe(false)
    await clock.advanceAsync(1)
    expect((await reply).status).toBe(status)
    // What it wrote before it paused is undone as well.
    if (failure === 'open') expect(await (await reply).text()).toBe('given')
    expect(http.asked[0]?.signal.aborted).toBe(true)
    expect(host.snapshot()[0]?.faults).toEqual({ timeout: 1 })
    await host.close()
  })

  it('hears of the time of a call, which may be shorter', async () => {
    const { clock, http, host, proxy } = await started()
    const reply = proxy.inject()
    await waitFor(() => http.asked.length === 1)
    await clock.advanceAsync(2_000)
    expect((await reply).status).toBe(401)
    await host.close()
  })

  it('ends with its exchange, and its instance serves on', async () => {
    const { http, host, proxy, exchange } = await started({ instances: { max: 1, spares: 0 } })
    const reply = proxy.inject()
    await waitFor(() => http.asked.length === 1)
    exchange().abort(new DownstreamError('ERR_SLUICE_CLIENT_ABORT'))
    // What stands behind is not reached: nobody knows what the plugin would have said.
    expect(JSON.parse(await (await reply).text())).toMatchObject({ code: 'ERR_SLUICE_CLIENT_ABORT' })
    expect(http.asked[0]?.signal.aborted).toBe(true)
    await waitFor(() => host.snapshot()[0]?.instances.free === 1)
    expect(host.snapshot()[0]).toMatchObject({ instancesMade: 1, faults: {} })
    const next = proxy.inject()
    await waitFor(() => http.asked.length === 2)
    http.answer(200, 'bob')
    expect(await (await next).text()).toBe('bob')
    await host.close()
  })

  it('can ask again and again', async () => {
    const code = `(global $left (mut i32) (i32.const 2))
      ${hook('on_request_head', '(drop (call $http_request {call}))', 2)}
      (func (export "on_http_reply") (param i32 i32) (result i32)
        (if (i32.eqz (global.get $left)) (then (return (i32.const 0))))
        (global.set $left (i32.sub (global.get $left) (i32.const 1)))
        (drop (call $http_request {call}))
        (i32.const 2))`
    const { http, host, proxy } = await started({ source: { bytes: guest({ texts: TEXTS, code }) } })
    const reply = proxy.inject()
    for (let i = 1; i <= 3; i++) {
      await waitFor(() => http.asked.length === i)
      http.answer(200)
    }
    expect((await reply).status).toBe(200)
    await host.close()
  })

  it('that traps when it is resumed is a fault', async () => {
    const code = hook('on_request_head', ASK, 2) + hook('on_http_reply', '(unreachable)')
    const { http, host, proxy } = await started({ source: { bytes: guest({ texts: TEXTS, code }) }, failure: 'open' })
    const reply = proxy.inject()
    await waitFor(() => http.asked.length === 1)
    http.answer(200)
    expect(await (await reply).text()).toBe('none')
    expect(host.snapshot()[0]?.faults).toEqual({ trap: 1 })
    await host.close()
  })

  it('of a reply, and of a body that flows, wait in the same way', async () => {
    const code = `${hook('on_response_head', '(drop (call $http_request {call}))', 2)}
      ${hook('on_response_body', '(if (i32.eqz (local.get $b)) (then (drop (call $http_request {call})) (return (i32.const 2))))')}
      (func (export "on_http_reply") (param $call i32) (param i32) (result i32)
        (drop (call $set_body (i32.const 1) {buf} (call $http_reply_body (local.get $call) (i32.const 0) {buf} (i32.const 99))))
        (i32.const 0))`
    const { http, host, proxy } = await started({
      source: { bytes: guest({ texts: TEXTS, code }) },
      capabilities: { ...GRANTS, replyBody: 'stream' },
    })
    const pending = proxy.inject()
    await waitFor(() => http.asked.length === 1)
    http.answer(200, 'whole')
    const reply = await pending
    const text = reply.text()
    await waitFor(() => http.asked.length === 2)
    http.answer(200, 'chunk')
    expect(await text).toBe('chunk')
    await host.close()
  })
})

describe('what may be asked', () => {
  /** Which URLs were asked. */
  const ask = async (call: string, capabilities: HarnessManifest['capabilities']): Promise<string[]> => {
    const network = new Network()
    const bytes = guest({ texts: { call }, code: hook('on_request_head', '(drop (call $http_request {call}))') })
    const harness = await createPluginHarness(bytes, { capabilities: { ...capabilities } }, { http: network })
    expect((await harness.run()).faults).toEqual([])
    await harness.close()
    return network.asked.map(({ url }) => url)
  }

  it.each([
    ['GET', 'http://auth.test/', { hosts: ['auth.test'] }, true],
    ['GET', 'https://auth.test/', { hosts: ['auth.test'] }, true],
    ['GET', 'https://AUTH.test/', { hosts: ['Auth.Test'] }, true],
    ['GET', 'http://auth.test:8080/', { hosts: ['auth.test'] }, false],
    ['GET', 'http://auth.test:8080/', { hosts: ['auth.test:8080'] }, true],
    ['GET', 'http://other.test/', { hosts: ['auth.test'] }, false],
    ['GET', 'http://auth.test.evil.test/', { hosts: ['auth.test'] }, false],
    ['GET', 'http://auth.test@evil.test/', { hosts: ['auth.test'] }, false],
    ['GET', 'http://user:pass@auth.test/', { hosts: ['auth.test'] }, false],
    ['GET', 'http://a.b.auth.test/', { hosts: ['*.auth.test'] }, true],
    ['GET', 'http://auth.test/', { hosts: ['*.auth.test'] }, false],
    ['DELETE', 'http://auth.test/', { hosts: ['auth.test'] }, false],
    ['DELETE', 'http://auth.test/', { hosts: ['auth.test'], methods: ['DELETE'] }, true],
    ['GET', 'file:///etc/passwd', { hosts: ['*'] }, false],
    ['GET', 'auth.test', { hosts: ['*'] }, false],
    ['GET', 'ftp://auth.test/', { hosts: ['*'] }, false],
  ])('%s %s of %j: %s', async (method, url, http, isAsked) => {
    expect(await ask(form(method, url, 0, 0, ''), { http })).toHaveLength(isAsked ? 1 : 0)
  })

  it.each([['host'], ['connection'], ['Content-Length'], ['bad name'], ['expect']])('no field %s', async (name) => {
    expect(await ask(form('GET', 'http://auth.test/', 0, 1, name, 'x', ''), { http: HTTP })).toEqual([])
  })

  it('no more calls, and no longer bodies, than are granted', async () => {
    const long = await ask(form('POST', 'http://auth.test/', 0, 0, 'x'.repeat(11)), {
      http: { ...HTTP, maxRequestBytes: 10 },
    })
    expect(long).toEqual([])
    const code = hook('on_request_head', '(loop (br_if 0 (i32.ge_s (call $http_request {call}) (i32.const 0))))')
    const network = new Network()
    const harness = await createPluginHarness(
      guest({ texts: { call: CALL }, code }),
      { capabilities: { http: { ...HTTP, maxCalls: 3 } } },
      { http: network },
    )
    await harness.run()
    expect(network.asked).toHaveLength(3)
    await harness.close()
  })
})

describe('over a real network', () => {
  const servers: Server[] = []
  afterEach(() => {
    for (const server of servers.splice(0)) server.close()
  })

  async function listen(handler: Parameters<typeof createServer>[1]): Promise<string> {
    const server = createServer(handler).listen(0, '127.0.0.1')
    servers.push(server)
    await once(server, 'listening')
    return `127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  /** Asks, and puts the status and the body or the problem into the reply. */
  async function ask(
    url: string,
    capabilities: HarnessManifest['capabilities'],
  ): Promise<{ status: number; text: string }> {
    const code = `${hook('on_request_head', '(drop (call $http_request {call}))', 2)}
      (func (export "on_http_reply") (param $call i32) (param $status i32) (result i32) (local $n i32)
        (local.set $n (select
          (call $http_reply_body (local.get $call) (i32.const 0) {buf} (i32.const 999))
          (call $http_error (local.get $call) {buf} (i32.const 99))
          (local.get $status)))
        (drop (call $respond (select (local.get $status) (i32.const 599) (local.get $status)) {buf} (i32.const 0) {buf} (local.get $n)))
        (i32.const 1))`
    const bytes = guest({ texts: { call: form('GET', url, 0, 0, '') }, code })
    const harness = await createPluginHarness(bytes, { capabilities: { respond: true, ...capabilities } })
    const { reply } = await harness.run()
    await harness.close()
    return { status: reply.status, text: reply.body }
  }

  it('a host that is granted answers', async () => {
    const host = await listen((request, response) => response.end(`${request.method} ${request.url}`))
    expect(await ask(`http://${host}/a?b`, { http: { hosts: [host], allowPrivate: true } })).toEqual({
      status: 200,
      text: 'GET /a?b',
    })
  })

  it.each(['127.0.0.1', 'localhost', '[::1]', '2130706433', '0x7f.1'])(
    '%s is not asked without allowPrivate',
    async (name) => {
      let calls = 0
      const port = (await listen((_, response) => response.end(String(++calls)))).split(':')[1]!
      expect(await ask(`http://${name}:${port}/`, { http: { hosts: [`*:${port}`] } })).toEqual({
        status: 599,
        text: 'address',
      })
      expect(calls).toBe(0)
    },
  )

  it('a redirect is a reply like any other', async () => {
    let inner = 0
    const target = await listen((_, response) => response.end(String(++inner)))
    const host = await listen((_, response) => response.writeHead(302, { location: `http://${target}/` }).end('moved'))
    expect(await ask(`http://${host}/`, { http: { hosts: ['127.0.0.1:*'], allowPrivate: true } })).toEqual({
      status: 302,
      text: 'moved',
    })
    expect(inner).toBe(0)
  })

  it('a reply that is too long is none', async () => {
    const host = await listen((_, response) => response.end('x'.repeat(1_000)))
    const http = { hosts: [host], allowPrivate: true, maxReplyBytes: 999 }
    expect(await ask(`http://${host}/`, { http })).toEqual({ status: 599, text: 'too-large' })
  })

  it('a host that does not answer is none', async () => {
    const host = await listen(() => {})
    const http = { hosts: [host], allowPrivate: true, timeoutMs: 20 }
    expect(await ask(`http://${host}/`, { http })).toEqual({ status: 599, text: 'timeout' })
    for (const server of servers) server.closeAllConnections()
  })

  it('a port where nothing listens is none', async () => {
    const host = await listen(() => {})
    servers[0]!.close()
    await once(servers[0]!, 'close')
    expect(await ask(`http://${host}/`, { http: { hosts: [host], allowPrivate: true } })).toEqual({
      status: 599,
      text: 'connect',
    })
  })
})
