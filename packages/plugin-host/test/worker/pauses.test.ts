/** Hooks that wait for HTTP while the thread goes on with other calls. */
import { virtualClock, waitFor } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import type { OutboundSender, PluginHostOptions, PluginManifest } from '../../src/index.ts'
import { form } from '../guest.ts'
import { DONE, IF_ASKED, SPIN, started, WRITE } from './isolated-plugin.ts'

describe('a hook that pauses on a thread of its own', () => {
  const PAUSING = `(func (export "on_request_head") (result i32)
      ${IF_ASKED('spin', SPIN)}
      ${IF_ASKED('call', '(drop (call $http_request {request})) (return (i32.const 2))')}
      ${DONE} (i32.const 0))
    (func (export "on_http_reply") (param $call i32) (param $status i32) (result i32)
      (drop (call $add_header (i32.const 0) {by} {buf} (call $http_reply_body (local.get $call) (i32.const 0) {buf} (i32.const 99))))
      (i32.const 0))`
  const capabilities = { ...WRITE, http: { hosts: ['auth.test'] } }

  async function pausing(more: Partial<PluginManifest>, options: PluginHostOptions) {
    const text = form('GET', 'http://auth.test/', 0, 0, '')
    return await started(PAUSING.replaceAll('{request}', requestAt(text)), { capabilities, ...more }, options)
  }

  it('lets others go on, and goes on itself when the reply is there', async () => {
    const network = new Network()
    const { send } = await pausing({}, { http: network })
    const paused = send({ 'x-call': '1' })
    await waitFor(() => network.waiting.length === 1)
    expect((await send()).text).toBe('yes')
    // Longer than the ring takes at once.
    network.waiting[0]!.resolve({ status: 200, fields: ['x-a', '1'], body: Buffer.from('x'.repeat(90)) })
    expect((await paused).text).toBe('x'.repeat(90))
  })

  it('is given up with its time, by the clock of the proxy', async () => {
    const clock = virtualClock()
    const network = new Network()
    const { send, state } = await pausing({ limits: { wallMs: 3_000 } }, { http: network, clock })
    const paused = send({ 'x-call': '1' })
    await waitFor(() => network.waiting.length === 1)
    // It has paused when another is run.
    expect((await send()).text).toBe('yes')
    clock.advance(3_000)
    expect((await paused).status).toBe(504)
    expect(state().faults).toEqual({ timeout: 1 })
    expect(network.waiting[0]!.signal.aborted).toBe(true)
  })

  it('fails with its thread', async () => {
    const network = new Network()
    const { send, state } = await pausing({ limits: { computeMs: 50 } }, { http: network })
    const paused = send({ 'x-call': '1' })
    await waitFor(() => network.waiting.length === 1)
    expect((await send()).text).toBe('yes')
    expect((await send({ 'x-spin': '1' })).status).toBe(504)
    expect((await paused).status).toBe(500)
    expect(state().faults).toEqual({ timeout: 1, trap: 1 })
    expect(network.waiting[0]!.signal.aborted).toBe(true)
  })

  it('hears of all its replies at once where they are more than the ring takes', async () => {
    const CALLS = 16
    const text = form('GET', 'http://auth.test/', 0, 0, '')
    const call = `(drop (call $http_request ${requestAt(text)}))`
    const code = `(global $left (mut i32) (i32.const ${CALLS}))
      (func (export "on_request_head") (result i32) ${call.repeat(CALLS)} (i32.const 2))
      (func (export "on_http_reply") (param $call i32) (param $status i32) (result i32)
        (global.set $left (i32.sub (global.get $left) (i32.const 1)))
        (if (global.get $left) (then (return (i32.const 2))))
        ${DONE} (i32.const 0))`
    const network = new Network()
    // So long that nothing but the frames themselves can bring it on.
    const limits = { computeMs: 60_000, wallMs: 60_000 }
    const http = { hosts: ['auth.test'], maxCalls: CALLS }
    const { send } = await started(code, { limits, capabilities: { ...WRITE, http } }, { http: network })
    const paused = send()
    await waitFor(() => network.waiting.length === CALLS)
    for (const { resolve } of network.waiting) resolve({ status: 200, fields: [], body: Buffer.alloc(32_000) })
    expect((await paused).text).toBe('yes')
  })

  it('ends with its time where it goes on without a word from the proxy', async () => {
    const network = new Network()
    const more = { instances: { max: 1, spares: 0 }, limits: { computeMs: 100 } }
    const { send, state } = await pausing(more, { http: network })
    // Sent together: the second waits on the thread for the instance of the first.
    const paused = send({ 'x-call': '1' })
    const spinning = send({ 'x-spin': '1' })
    await waitFor(() => network.waiting.length === 1)
    network.waiting[0]!.resolve({ status: 200, fields: [], body: Buffer.from('x') })
    expect((await paused).text).toBe('x')
    expect((await spinning).status).toBe(504)
    expect(state().faults).toEqual({ timeout: 1 })
  })
})

/** A network that answers when a test says so. */
class Network implements OutboundSender {
  readonly waiting: {
    readonly resolve: (reply: Awaited<ReturnType<OutboundSender['send']>>) => void
    readonly signal: AbortSignal
  }[] = []

  send({ signal }: Parameters<OutboundSender['send']>[0]): ReturnType<OutboundSender['send']> {
    return new Promise((resolve) => this.waiting.push({ resolve, signal }))
  }

  async close(): Promise<void> {}
}

/** Where the guest lays down its request before it hands it over. */
function requestAt(text: string): string {
  const stores = [...Buffer.from(text, 'latin1')]
    .map((byte, i) => `(i32.store8 (i32.const ${30_000 + i}) (i32.const ${byte}))`)
    .join(' ')
  return `(block (result i32) ${stores} (i32.const 30000)) (i32.const ${text.length})`
}
