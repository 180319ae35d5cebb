import { waitFor } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type ClientRefused, clientRefused, createProxy, type Http2ListenOptions, Reply } from '../../src/index.ts'
import { ask, CLEARTEXT, connectTo } from './http2-client.ts'
import { ERROR, FLAG, frame, getHead, getRequest, RawHttp2, reset, TYPE } from './raw-frames.ts'

/** A proxy whose replies never come, but to `/`; with a client that floods, and another that must not notice. */
async function open(http2: Http2ListenOptions = {}) {
  const begun: string[] = []
  const proxy = createProxy()
    .route({ path: '/' }, (r) => r.handle(() => Reply.text('served')))
    .handle(async ({ request, signal }) => {
      begun.push(request.path)
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      return Reply.empty(204)
    })
  onTestFinished(async () => await proxy.close({ drainMs: 0 }))
  // A short timeout has the connections looked at more often.
  const bounds = { bodyIdleTimeoutMs: 800, http2: { cleartext: true, ...http2 } }
  const listener = await proxy.listen({ ...CLEARTEXT.options(), ...bounds })
  const client = await RawHttp2.open(listener)
  const other = await connectTo(listener)
  const refused: ClientRefused[] = []
  const listen = (event: ClientRefused): void => void refused.push(event)
  clientRefused.subscribe(listen)
  onTestFinished(() => clientRefused.unsubscribe(listen))
  return { proxy, listener, begun, client, other, refused }
}

type Opened = Awaited<ReturnType<typeof open>>

/** The client that floods is told so, or cut off; nothing of it stays, and the other is served as before. */
async function expectRefused({ client, other, proxy, listener }: Opened, codes: readonly number[]): Promise<void> {
  await waitFor(() => client.isClosed, { what: 'the connection to end', timeoutMs: 3_000 })
  // What it has not read of a GOAWAY before it was cut off, it never will.
  expect(codes).toEqual(expect.arrayContaining(client.goneAway))
  expect(client.goneAway.length).toBeGreaterThan(0)
  await waitFor(() => proxy.inFlight === 0 && listener.connections === 1)
  expect((await ask(other)).body.toString()).toBe('served')
}

describe('a client of HTTP/2 that', () => {
  it('resets what it asks for, again and again, is sent away, and its requests reach few', async () => {
    const opened = await open({ resetBurst: 100 })
    const { client, begun } = opened
    for (let i = 0; i < 2_000; i++) client.write(getRequest(2 * i + 1, '/slow'), reset(2 * i + 1, ERROR.CANCEL))
    await expectRefused(opened, [ERROR.ENHANCE_YOUR_CALM, ERROR.INTERNAL_ERROR])
    expect(opened.refused.map(({ reason }) => reason)).toEqual(['resets'])
    expect(begun.length).toBeLessThanOrEqual(101)
  })

  it('does so in the same breath reaches nobody any more, once it is known', async () => {
    const opened = await open({ resetBurst: 1_000, resetsPerSecond: 1 })
    const { client, begun, proxy } = opened
    const pairs = Array.from({ length: 300 }, (_, i) => [
      getRequest(2 * i + 1, '/slow'),
      reset(2 * i + 1, ERROR.CANCEL),
    ])
    client.write(...pairs.flat())
    client.write(getRequest(1_001))
    await waitFor(() => client.of(TYPE.DATA, 1_001).length > 0)
    expect(begun.length).toBeLessThan(120)
    expect(client.isClosed).toBe(false)
    await waitFor(() => proxy.inFlight === 0)
  })

  it('has us reset its streams, by what is malformed, is sent away', async () => {
    const opened = await open({ resetBurst: 100 })
    const { client } = opened
    const head = getHead('/slow', [['content-length', '5']])
    for (let i = 0; i < 2_000; i++) {
      const stream = 2 * i + 1
      client.write(frame(TYPE.HEADERS, FLAG.END_HEADERS, stream, head))
      client.write(frame(TYPE.DATA, FLAG.END_STREAM, stream, 'too much'))
    }
    await expectRefused(opened, [ERROR.ENHANCE_YOUR_CALM, ERROR.INTERNAL_ERROR])
  })

  it('opens more streams than it may has them refused, and is sent away where it goes on', async () => {
    const opened = await open({ maxConcurrentStreams: 10 })
    const { client, begun } = opened
    for (let i = 0; i < 15; i++) client.write(getRequest(2 * i + 1, '/slow'))
    await waitFor(() => begun.length === 10 && client.of(TYPE.RST_STREAM).length === 5)
    expect(client.resetOf(29)).toBe(ERROR.REFUSED_STREAM)
    for (let i = 15; i < 1_000; i++) client.write(getRequest(2 * i + 1, '/slow'))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(begun).toHaveLength(10)
  })

  it('sends PING after PING is sent away', async () => {
    const opened = await open({ controlBurst: 100, controlsPerSecond: 1 })
    for (let i = 0; i < 50; i++) opened.client.write(frame(TYPE.PING, 0, 0, '12345678'))
    await waitFor(() => opened.client.of(TYPE.PING).length === 50)
    expect(opened.client.isClosed).toBe(false)
    for (let i = 0; i < 1_000; i++) opened.client.write(frame(TYPE.PING, 0, 0, '12345678'))
    await expectRefused(opened, [ERROR.ENHANCE_YOUR_CALM])
    expect(opened.refused).toMatchObject([{ reason: 'controls', peer: { address: '127.0.0.1' } }])
  })

  it('sends SETTINGS after SETTINGS is sent away', async () => {
    const opened = await open({ controlBurst: 100, controlsPerSecond: 1 })
    for (let i = 0; i < 1_000; i++)
      opened.client.write(frame(TYPE.SETTINGS, 0, 0, Buffer.from([0, 3, 0, 0, 0, i % 250])))
    await expectRefused(opened, [ERROR.ENHANCE_YOUR_CALM])
  })

  it('sends a head without an end is sent away', async () => {
    const opened = await open()
    opened.client.write(frame(TYPE.HEADERS, 0, 1, getHead()))
    for (let i = 0; i < 1_000; i++) opened.client.write(frame(TYPE.CONTINUATION, 0, 1, Buffer.alloc(3, 0x82)))
    await expectRefused(opened, [ERROR.ENHANCE_YOUR_CALM, ERROR.INTERNAL_ERROR, ERROR.PROTOCOL_ERROR])
  })

  it('sends empty DATA again and again is sent away', async () => {
    const opened = await open()
    opened.client.write(frame(TYPE.HEADERS, FLAG.END_HEADERS, 1, getHead('/slow')))
    for (let i = 0; i < 5_000; i++) opened.client.write(frame(TYPE.DATA, 0, 1))
    await expectRefused(opened, [ERROR.ENHANCE_YOUR_CALM, ERROR.INTERNAL_ERROR, ERROR.PROTOCOL_ERROR])
  })

  it('has a small head become a large one reaches nobody', async () => {
    const opened = await open()
    const { client, begun } = opened
    // A field of 4,000 bytes that goes into the table, and then its index, again and again.
    const value = Buffer.alloc(3_900, 'x')
    const literal = Buffer.concat([
      Buffer.from([0x40, 1, 0x61, 127, ((3_900 - 127) & 127) | 128, (3_900 - 127) >> 7]),
      value,
    ])
    const bomb = Buffer.concat([getHead('/slow'), literal, Buffer.alloc(10_000, 0xbe)])
    client.write(frame(TYPE.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, 1, bomb))
    await waitFor(() => client.resetOf(1) !== undefined || client.of(TYPE.HEADERS, 1).length > 0 || client.isClosed)
    expect(begun).toEqual([])
  })

  it('sends bomb after bomb is sent away', async () => {
    const opened = await open()
    const { client, begun } = opened
    const value = Buffer.alloc(3_900, 'x')
    const literal = Buffer.concat([
      Buffer.from([0x40, 1, 0x61, 127, ((3_900 - 127) & 127) | 128, (3_900 - 127) >> 7]),
      value,
    ])
    client.write(
      getRequest(1),
      frame(TYPE.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, 3, Buffer.concat([getHead('/'), literal])),
    )
    const bomb = Buffer.concat([getHead('/slow'), Buffer.alloc(10_000, 0xbe)])
    for (let i = 2; i < 1_000; i++)
      client.write(frame(TYPE.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, 2 * i + 1, bomb))
    await expectRefused(opened, [ERROR.ENHANCE_YOUR_CALM, ERROR.INTERNAL_ERROR])
    expect(opened.refused.map(({ reason }) => reason)).toEqual(['overhead'])
    expect(begun).toEqual([])
  })

  it.each([
    ['PRIORITY', (i: number) => frame(TYPE.PRIORITY, 0, 2 * (i % 1_000) + 1, Buffer.from([0, 0, 0, 0, i & 255]))],
    ['WINDOW_UPDATE', () => frame(TYPE.WINDOW_UPDATE, 0, 0, Buffer.from([0, 0, 0, 1]))],
    ['frames of a type that nobody knows', () => frame(0xee, 0, 0, 'unknown')],
  ])('sends %s without end is sent away', async (_what, make) => {
    const opened = await open()
    const many = Buffer.concat(Array.from({ length: 5_000 }, (_, index) => make(index)))
    let isStopped = false
    onTestFinished(() => void (isStopped = true))
    const flood = (): void => {
      if (!isStopped && !opened.client.isClosed) opened.client.socket.write(many, () => setImmediate(flood))
    }
    flood()
    await expectRefused(opened, [ERROR.ENHANCE_YOUR_CALM, ERROR.FLOW_CONTROL_ERROR, ERROR.PROTOCOL_ERROR])
  })
})
