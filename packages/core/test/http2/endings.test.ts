import { waitFor } from '@sluice/testing'
import { expect, it, onTestFinished } from 'vitest'
import { createProxy, Reply } from '../../src/index.ts'
import { ask, connectTo, WAYS } from './http2-client.ts'
import { FLAG, frame, getHead, getRequest, RawHttp2, reset, TYPE } from './raw-frames.ts'

/** What may end a connection while there is more behind it in the same piece. */
const ENDINGS: readonly (readonly [what: string, frames: readonly Buffer[]])[] = [
  ['GOAWAY in order', [frame(TYPE.GOAWAY, 0, 0, Buffer.alloc(8))]],
  ['GOAWAY with an error', [frame(TYPE.GOAWAY, 0, 0, Buffer.from([0, 0, 0, 0, 0, 0, 0, 2]))]],
  ['a request that closes the connection', [getRequest(1, '/close')]],
  ['the last request that it may serve', [getRequest(1), getRequest(3), getRequest(5)]],
  ['a request that closes the proxy', [getRequest(1, '/end')]],
  ['a reset', [getRequest(1, '/slow'), reset(1, 8)]],
  ['a frame that is malformed', [frame(TYPE.PING, 0, 0, 'short')]],
]

it.each(WAYS.flatMap((way) => ENDINGS.map((ending) => [way.name, ending[0], way, ending[1]] as const)))(
  'on %s, what comes behind %s does no harm',
  async (_way, _what, { options }, frames) => {
    const proxy = createProxy()
      .route({ path: '/close' }, (r) =>
        r.handle(() => {
          const reply = Reply.text('closing')
          reply.closesConnection = true
          return reply
        }),
      )
      .route({ path: '/end' }, (r) =>
        r.handle(() => {
          void proxy.close({ drainMs: 0 })
          listener.destroy()
          return Reply.text('over')
        }),
      )
      .route({ path: '/slow' }, (r) => r.handle(async ({ body }) => Reply.text(await body.text())))
      .handle(() => Reply.text('served'))
    onTestFinished(async () => await proxy.close({ drainMs: 0 }))
    const listener = await proxy.listen({ ...options(), maxRequestsPerConnection: 3 })
    const client = await RawHttp2.open(listener)
    await waitFor(() => client.of(TYPE.SETTINGS).length > 0)
    const behind = Array.from({ length: 20 }, (_, index) => [
      frame(TYPE.HEADERS, FLAG.END_HEADERS, 2 * index + 101, getHead('/slow')),
      frame(TYPE.DATA, 0, 2 * index + 101, 'some'),
      frame(TYPE.DATA, FLAG.END_STREAM, 2 * index + 101, 'more'),
    ])
    client.write(...frames, frame(TYPE.PING, FLAG.ACK, 0, Buffer.alloc(8)), ...behind.flat())
    await new Promise((resolve) => setTimeout(resolve, 30))
    client.write(...behind.flat())
    client.socket.end()
    await waitFor(() => client.isClosed && listener.connections === 0)
    await waitFor(() => proxy.inFlight === 0)
    if (_what !== 'a request that closes the proxy') expect((await ask(await connectTo(listener))).status).toBe(200)
  },
)
