import { waitFor } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createProxy, Reply } from '../../src/index.ts'
import { ask, CLEARTEXT, connectTo } from './http2-client.ts'
import { ERROR, fields, FLAG, frame, getHead, getRequest, RawHttp2, TYPE } from './raw-frames.ts'

/** A proxy that says what it was asked, and how often. */
async function open() {
  const asked: string[] = []
  const proxy = createProxy().handle(async ({ received, body }) => {
    asked.push(`${received.method} ${received.target} ${JSON.stringify(received.headers.toJSON())}`)
    return Reply.text(await body.text())
  })
  onTestFinished(async () => await proxy.close({ drainMs: 0 }))
  const listener = await proxy.listen(CLEARTEXT.options())
  return { listener, asked, proxy, client: await RawHttp2.open(listener) }
}

type Pairs = readonly (readonly [string, string])[]

const GOOD: Pairs = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'a.test'],
  [':path', '/'],
]

/** The pseudo-header fields of a GET, one of them replaced or left out. */
function but(name: string, value?: string): Pairs {
  return GOOD.flatMap((pair) => (pair[0] !== name ? [pair] : value === undefined ? [] : [[name, value] as const]))
}

const MALFORMED: readonly (readonly [what: string, pairs: Pairs])[] = [
  ['a name in upper case', [...GOOD, ['X-Upper', '1']]],
  ['no method', but(':method')],
  ['no scheme', but(':scheme')],
  ['no path', but(':path')],
  ['an empty path', but(':path', '')],
  ['two paths', [...GOOD, [':path', '/other']]],
  ['a pseudo-header field behind a field', [...GOOD.slice(0, 3), ['x-a', '1'], [':path', '/']]],
  ['a pseudo-header field that does not exist', [...GOOD, [':unknown', '1']]],
  ['one of a reply', [...GOOD, [':status', '200']]],
  ['Connection', [...GOOD, ['connection', 'close']]],
  ['Keep-Alive', [...GOOD, ['keep-alive', 'timeout=5']]],
  ['Proxy-Connection', [...GOOD, ['proxy-connection', 'keep-alive']]],
  ['Transfer-Encoding', [...GOOD, ['transfer-encoding', 'chunked']]],
  ['Upgrade', [...GOOD, ['upgrade', 'websocket']]],
  ['TE of more than trailers', [...GOOD, ['te', 'trailers, gzip']]],
  ['a method that is no token', but(':method', 'GE T')],
  ['a length that is none', [...GOOD, ['content-length', '1x']]],
  ['two lengths', [...GOOD, ['content-length', '0'], ['content-length', '0']]],
  ['a path that does not begin with a slash', but(':path', 'other')],
  ['a path in absolute form', but(':path', 'http://a.test/')],
  ['a path with a fragment', but(':path', '/#a')],
  ['no authority, and no Host', but(':authority')],
  ['an authority that is none', but(':authority', 'a b')],
  ['an authority with a user', but(':authority', 'user@a.test')],
]

describe('a malformed request', () => {
  it.each(MALFORMED)('reaches nobody: %s', async (_what, pairs) => {
    const { client, asked, listener } = await open()
    client.write(frame(TYPE.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, 1, fields(pairs)))
    // A stream error, or a 400.
    await waitFor(() => client.resetOf(1) !== undefined || client.of(TYPE.HEADERS, 1).length > 0)
    expect([ERROR.PROTOCOL_ERROR, undefined]).toContain(client.resetOf(1))
    if (client.resetOf(1) === undefined) expect(client.of(TYPE.DATA, 1)[0]?.payload.toString()).toContain('"status":40')
    expect(asked).toEqual([])
    // The others are not disturbed.
    expect((await ask(await connectTo(listener))).status).toBe(200)
  })

  it.each(['too long', 'x'])('is one whose body is not as long as was said: %s', async (content) => {
    const { client, asked, proxy, listener } = await open()
    client.write(frame(TYPE.HEADERS, FLAG.END_HEADERS, 1, getHead('/', [['content-length', '5']])))
    client.write(frame(TYPE.DATA, FLAG.END_STREAM, 1, content))
    // Some versions of the engine take it for an error of the stream, others for one of the connection.
    await waitFor(() => client.resetOf(1) === ERROR.PROTOCOL_ERROR || client.isClosed)
    // It may have begun, but it was never whole.
    await waitFor(() => proxy.inFlight === 0)
    expect(asked.length).toBeLessThan(2)
    expect(client.of(TYPE.HEADERS)).toEqual([])
    expect((await ask(await connectTo(listener))).status).toBe(200)
  })

  it('does not keep TE: trailers from being said', async () => {
    const { client, asked } = await open()
    client.write(getRequest(1, '/', [['te', 'trailers']]))
    await waitFor(() => client.of(TYPE.HEADERS, 1).length === 1)
    expect(asked[0]).toContain('"te":"trailers"')
  })

  it('may name its host by Host alone', async () => {
    const { client, asked } = await open()
    client.write(
      frame(TYPE.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, 1, fields([...but(':authority'), ['host', 'b.test']])),
    )
    await waitFor(() => asked.length === 1)
    expect(asked[0]).toContain('"host":"b.test"')
  })

  it('ends a connection that does not speak HTTP/2', async () => {
    const { client, listener } = await open()
    client.write(frame(TYPE.DATA, 0, 0, 'of no stream'))
    await waitFor(() => client.isClosed)
    expect(client.goneAway).toEqual([ERROR.PROTOCOL_ERROR])
    await waitFor(() => listener.connections === 0)
  })
})
