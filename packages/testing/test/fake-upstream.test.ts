import { DownstreamError } from '@sluice/core'
import { Body, type BodySink, type BodySource } from '@sluice/wire'
import { describe, expect, it } from 'vitest'
import { fakeUpstream, virtualClock } from '../src/index.ts'
import { attempt } from './attempt.ts'

const gone = (): DownstreamError => new DownstreamError('ERR_SLUICE_CLIENT_ABORT')

/** A request's body whose pace the test sets. */
function slowBody(): { body: Body; sink: () => BodySink; cancelled: Error[] } {
  let sink: BodySink | undefined
  const cancelled: Error[] = []
  const source: BodySource = {
    start: (started) => void (sink = started),
    resume() {},
    cancel: (error) => void cancelled.push(error),
  }
  return { body: Body.from(source), sink: () => sink!, cancelled }
}

describe('fakeUpstream', () => {
  it('calls back after send, in order, once each', async () => {
    const upstream = fakeUpstream(() => ({ informational: [{ status: 103 }], body: 'hello' }))
    const sent = attempt(upstream.transport)
    expect(await sent.done).toBeUndefined()
    expect(sent.events).toEqual(['sent', 'informational', 'reply', 'done'])
    expect(sent.content()).toBe('hello')
  })

  it('frames the request as a transport would', async () => {
    const upstream = fakeUpstream()
    const fieldsOf = async (init: Parameters<typeof attempt>[1]) => {
      await attempt(upstream.transport, init).done
      return upstream.requests.at(-1)?.headers
    }
    const stale = { A: '1', 'Content-Length': '99', B: '2' }
    expect(await fieldsOf({ headers: stale })).toEqual([
      ['A', '1'],
      ['B', '2'],
    ])
    expect(await fieldsOf({ headers: stale, body: Body.of('four') })).toEqual([
      ['A', '1'],
      ['Content-Length', '4'],
      ['B', '2'],
    ])
    expect(await fieldsOf({ method: 'POST', headers: {} })).toEqual([['Content-Length', '0']])
    const { body, sink } = slowBody()
    setTimeout(() => sink().end(), 2)
    expect(await fieldsOf({ headers: stale, body })).toEqual([
      ['A', '1'],
      ['B', '2'],
      ['Transfer-Encoding', 'chunked'],
    ])
    expect(await fieldsOf({ headers: {}, upgrade: 'websocket' })).toEqual([
      ['Connection', 'Upgrade'],
      ['Upgrade', 'websocket'],
    ])
  })

  it('says whom it was asked for', async () => {
    const upstream = fakeUpstream()
    await attempt(upstream.transport, { url: 'http://a.test/base/' }).done
    await attempt(upstream.transport, { url: 'http://b.test:81' }).done
    expect(upstream.requests.map(({ target }) => target)).toEqual(['http://a.test/base', 'http://b.test:81'])
    upstream.reset()
    expect(upstream.requests).toEqual([])
  })

  it('refuses connections without a look at the body', async () => {
    const upstream = fakeUpstream()
    upstream.refusing.add('http://a.test')
    const body = Body.from({ start: (sink) => sink.end(), resume() {}, cancel() {} })
    const refused = attempt(upstream.transport, { url: 'http://a.test', body })
    expect(await refused.done).toMatchObject({ code: 'ERR_SLUICE_CONNECT_REFUSED', target: 'http://a.test' })
    expect([refused.events, body.isUsed, upstream.requests.length]).toEqual([['sent', 'done'], false, 0])
    expect(await attempt(upstream.transport, { url: 'http://b.test', body }).done).toBeUndefined()
    upstream.reset()
    expect(await attempt(upstream.transport, { url: 'http://a.test' }).done).toBeUndefined()
  })

  it('breaks as told', async () => {
    const refused = attempt(fakeUpstream(() => ({ refuse: true })).transport)
    expect(await refused.done).toMatchObject({ code: 'ERR_SLUICE_CONNECT_REFUSED', retry: 'safe' })
    const reset = attempt(fakeUpstream(() => ({ reset: true })).transport)
    expect(await reset.done).toMatchObject({ code: 'ERR_SLUICE_CONNECTION_RESET' })
    const cut = attempt(fakeUpstream(() => ({ body: 'hello', abortAfterBytes: 2 })).transport)
    expect(await cut.done).toMatchObject({ code: 'ERR_SLUICE_RESPONSE_TRUNCATED' })
    expect([cut.content(), cut.events]).toEqual(['he', ['sent', 'reply', 'abort', 'done']])
    expect(cut.bodyError).toBe(await cut.done)
  })

  it('waits on its clock', async () => {
    const clock = virtualClock()
    const upstream = fakeUpstream(() => ({ delayMs: 100 }), { clock })
    const sent = attempt(upstream.transport)
    await clock.advanceAsync(99)
    expect(sent.events).toEqual(['sent'])
    await clock.advanceAsync(1)
    expect(sent.events).toEqual(['sent', 'reply', 'done'])
  })

  it('gives up on a late head', async () => {
    const clock = virtualClock()
    const upstream = fakeUpstream(() => ({ hang: true }), { clock })
    const sent = attempt(upstream.transport, { headTimeoutMs: 100 })
    await clock.advanceAsync(99)
    expect(sent.events).toEqual(['sent'])
    await clock.advanceAsync(1)
    expect(await sent.done).toMatchObject({ code: 'ERR_SLUICE_HEAD_TIMEOUT' })
    expect(upstream.requests[0]).toMatchObject({ complete: true, aborted: true })
    expect(clock.pending).toBe(0)
  })

  it('gives up on a silent body, but not on a reader that holds back', async () => {
    const clock = virtualClock()
    const pause = async (ms: number) => await new Promise<void>((resolve) => clock.schedule(ms, resolve))
    const body = async function* () {
      yield 'a'
      await pause(40)
      yield 'b'
      await pause(60)
      yield 'c'
    }
    const upstream = fakeUpstream(() => ({ body: body() }), { clock })
    const silent = attempt(upstream.transport, { bodyIdleTimeoutMs: 50 })
    await clock.advanceAsync(200)
    expect(await silent.done).toMatchObject({ code: 'ERR_SLUICE_BODY_IDLE' })
    expect([silent.content(), silent.events]).toEqual(['ab', ['sent', 'reply', 'abort', 'done']])

    const steady = fakeUpstream(() => ({ body: ['a', 'b'] }), { clock })
    let flow: { resume(): void } | undefined
    const read: string[] = []
    const held = attempt(steady.transport, {
      bodyIdleTimeoutMs: 50,
      onReply: (reply) =>
        reply.body.pipe({
          begin: (begun) => void (flow = begun),
          write: (chunk) => (read.push(Buffer.from(chunk).toString()), false),
          end: () => void read.push('end'),
          abort: () => void read.push('abort'),
        }),
    })
    await clock.advanceAsync(200)
    expect(read).toEqual(['a'])
    flow?.resume()
    await clock.advanceAsync(200)
    expect(read).toEqual(['a', 'b'])
    flow?.resume()
    expect(await held.done).toBeUndefined()
    expect(read).toEqual(['a', 'b', 'end'])
    expect(clock.pending).toBe(0)
  })

  it('can be cancelled at each stage, and then says nothing more than done', async () => {
    const upstream = fakeUpstream(({ path }) => (path === '/hang' ? { hang: true } : { body: ['a', 'b'] }))
    const atOnce = attempt(upstream.transport)
    atOnce.call.cancel(gone())
    const waiting = attempt(upstream.transport, { path: '/hang' })
    await new Promise((resolve) => setImmediate(resolve))
    const error = gone()
    waiting.call.cancel(error)
    waiting.call.cancel(gone())
    expect(await waiting.done).toBe(error)
    const unread = attempt(upstream.transport, { onReply() {} })
    const reply = await unread.replied
    unread.call.cancel(error)
    await expect(reply.body.bytes()).rejects.toBe(error)
    await new Promise((resolve) => setImmediate(resolve))
    for (const { events } of [atOnce, waiting]) expect(events).toEqual(['sent', 'done'])
    expect(unread.events).toEqual(['sent', 'reply', 'done'])
    expect(upstream.requests.every(({ aborted }) => aborted)).toBe(true)
  })

  it('aborts a body in flow before it is done', async () => {
    const never = new Promise<never>(() => {})
    const upstream = fakeUpstream(() => ({
      body: (async function* () {
        yield 'a'
        await never
      })(),
    }))
    const sent = attempt(upstream.transport)
    await sent.replied
    await new Promise((resolve) => setImmediate(resolve))
    const error = gone()
    sent.call.cancel(error)
    expect(sent.events).toEqual(['sent', 'reply', 'abort', 'done'])
    expect([sent.content(), sent.bodyError]).toEqual(['a', error])
  })

  it('sees a reader cancel a reply', async () => {
    const upstream = fakeUpstream(() => ({ body: 'x' }))
    const sent = attempt(upstream.transport, { onReply: (reply) => reply.body.cancel() })
    expect(await sent.done).toMatchObject({ code: 'ERR_SLUICE_CLIENT_ABORT' })
    expect(upstream.requests[0]?.aborted).toBe(true)
  })

  it('sees a client leave in the middle of its body', async () => {
    const upstream = fakeUpstream()
    const { body, sink } = slowBody()
    const sent = attempt(upstream.transport, { method: 'POST', body })
    await Promise.resolve()
    sink().write(Buffer.from('half'))
    const error = gone()
    sink().abort(error)
    expect(await sent.done).toBe(error)
    expect(upstream.requests[0]).toMatchObject({ complete: false, aborted: true })
    expect(upstream.requests[0]?.body.toString()).toBe('half')
  })

  it('cancels the body of a request that is given up', async () => {
    const { body, cancelled } = slowBody()
    const sent = attempt(fakeUpstream().transport, { method: 'POST', body })
    await Promise.resolve()
    const error = gone()
    sent.call.cancel(error)
    expect(cancelled).toEqual([error])
  })

  it('uses connections again, and counts them', async () => {
    const { transport } = fakeUpstream(({ path }) => (path === '/reset' ? { reset: true } : { body: 'x' }))
    const first = attempt(transport)
    expect(first.call.reused).toBe(false)
    expect(transport.stats(first.target)).toEqual({ connected: 1, active: 1, pending: 0 })
    await first.done
    expect(transport.stats(first.target)).toEqual({ connected: 1, active: 0, pending: 0 })
    expect(attempt(transport, { freshConnection: true }).call.reused).toBe(false)
    const second = attempt(transport, { path: '/reset' })
    expect(second.call.reused).toBe(true)
    await second.done
    expect(transport.stats(first.target)).toMatchObject({ connected: 1 })
    expect(attempt(transport, { url: 'http://other.test' }).call.reused).toBe(false)
  })

  it('closes: waits for what is under way, refuses the rest', async () => {
    const { promise: hold, resolve: release } = Promise.withResolvers<void>()
    const { transport } = fakeUpstream(() => ({ hold }))
    const sent = attempt(transport)
    let closed = false
    const closing = transport.close().then(() => (closed = true))
    const late = attempt(transport)
    expect(await late.done).toMatchObject({ code: 'ERR_SLUICE_CLOSING' })
    expect(closed).toBe(false)
    release()
    expect(await sent.done).toBeUndefined()
    await closing
  })

  it('is destroyed: everything is given up', async () => {
    const { transport, requests } = fakeUpstream(() => ({ hang: true }))
    const sent = attempt(transport)
    await new Promise((resolve) => setImmediate(resolve))
    await transport.destroy()
    expect(await sent.done).toMatchObject({ code: 'ERR_SLUICE_CLOSING' })
    expect(requests[0]?.aborted).toBe(true)
  })
})
