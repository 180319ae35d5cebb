/** Five hundred exchanges at once, which end in every way there is: nothing is left, and the process lives. */
import { constants } from 'node:http2'
import { PassThrough } from 'node:stream'
import { seededRandom, waitFor } from '@sluice/testing'
import { Body } from '@sluice/wire'
import { expect, it } from 'vitest'
import {
  createProxy,
  createUpstream,
  type Exchange,
  http2Transport,
  type InjectedReply,
  type Proxy,
} from '../../src/index.ts'
import { http2Target, type OnStream } from './http2-target.ts'

const COUNT = 500

/** What the target does, by the last part of the path. */
const endings: Record<string, OnStream> = {
  whole: (stream) => {
    stream.respond({ ':status': 200 })
    stream.end(Buffer.alloc(20_000))
  },
  early: (stream) => {
    stream.resume()
    stream.respond({ ':status': 200 }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-end': '1' }))
    stream.end('early')
  },
  hold: (stream) => void stream.resume(),
  cut: (stream) => {
    stream.respond({ ':status': 200 })
    stream.write('part', () => stream.destroy())
  },
  refuse: (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM),
  reset: (stream) => stream.close(constants.NGHTTP2_CANCEL),
  echo: (stream) => {
    stream.respond({ ':status': 200 })
    stream.pipe(stream)
  },
  goaway: (stream) => stream.session?.goaway(constants.NGHTTP2_NO_ERROR, 0),
  die: (stream) => stream.session?.destroy(),
}

it('leaves nothing behind', async () => {
  const random = seededRandom(7)
  const choose = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const target = await http2Target((stream, headers, raw) =>
    endings[String(headers[':path']).slice(1)]!(stream, headers, raw),
  )
  const transport = http2Transport({ priorKnowledge: true, maxConcurrentStreams: 30, maxPending: COUNT })
  const upstream = createUpstream('h2', {
    targets: [target.url],
    transport,
    bodyIdleTimeoutMs: 200,
    headTimeoutMs: 200,
  })
  const exchanges: Exchange[] = []
  const proxy = createProxy()
    .use((exchange, next) => {
      exchanges.push(exchange)
      return next(exchange)
    })
    .forward(upstream)
  // Those that end whole connections are few, or nothing else would get anywhere.
  const kinds = Object.keys(endings).flatMap((kind) =>
    Array.from({ length: kind === 'goaway' || kind === 'die' ? 1 : 20 }, () => kind),
  )
  await Promise.all(
    Array.from({ length: COUNT }, async (_, index) => {
      const request = random() < 0.5 ? new PassThrough() : undefined
      const reply = begin(proxy, choose(kinds), request)
      request?.write(Buffer.alloc(Math.floor(random() * 40_000)))
      const leave = choose(['stay', 'abort', 'break', 'cancel'] as const)
      if (leave === 'abort') setImmediate(() => exchanges[index]?.abort())
      if (leave === 'break') setImmediate(() => request?.destroy(new Error('gone')))
      else setImmediate(() => request?.end())
      const { body } = await reply
      if (leave === 'cancel') body.cancel()
      else await body.bytes().catch(() => {})
    }),
  )
  const stats = (): object => transport.stats(upstream.targets[0]!)
  await waitFor(() => upstream.active === 0 && proxy.inFlight === 0, { timeoutMs: 3_000 })
  await waitFor(() => transport.stats(upstream.targets[0]!).active === 0, { timeoutMs: 3_000 })
  expect(stats()).toMatchObject({ active: 0, pending: 0 })
  await upstream.destroy()
  expect(stats()).toEqual({ active: 0, connected: 0, pending: 0 })
  await waitFor(() => target.sessions.length === 0)
  await target.close()
})

async function begin(proxy: Proxy, path: string, request: PassThrough | undefined): Promise<InjectedReply> {
  const init = request === undefined ? {} : { method: 'POST', body: Body.fromReadable(request) }
  return await proxy.inject({ path: `/${path}`, ...init })
}
