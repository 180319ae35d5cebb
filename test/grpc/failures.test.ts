/** What the proxy answers by itself is a status of gRPC; what breaks has one too. */
import { Metadata, type ServerWritableStream, type ServiceError, status } from '@grpc/grpc-js'
import { createUpstream, type Proxy, Reply } from '@sluice/core'
import { retry } from '@sluice/resilience'
import { listenUpstream, waitFor } from '@sluice/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { openScene, type Scene, type SceneOptions } from './scene.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

async function sceneWith(options: SceneOptions = {}): Promise<Scene> {
  const scene = await openScene(options)
  closing.push(() => scene.close())
  return scene
}

/** An error's code and words. */
async function failureOf(
  { client }: Scene,
  text = '-',
): Promise<[code: number | undefined, details: string | undefined]> {
  const { error } = await client.say(text, new Metadata())
  return [error?.code, error?.details]
}

function endOf(call: { on(event: 'error', listener: (error: ServiceError) => void): unknown }): Promise<ServiceError> {
  return new Promise((resolve) => call.on('error', resolve))
}

const answering = (reply: () => Reply): SceneOptions => ({
  compose: (proxy: Proxy) => proxy.route({ path: '/words.Words/Say' }, (route) => route.handle(reply)),
})

describe('where the proxy answers', () => {
  it('no target is there', async () => {
    const scene = await sceneWith()
    scene.upstream.update(scene.upstream.targets[0]!.key, { state: 'down' })
    expect(await failureOf(scene)).toEqual([status.UNAVAILABLE, 'No upstream is available. (ERR_SLUICE_NO_TARGET)'])
  })

  it('the target refuses connections', async () => {
    const scene = await sceneWith()
    scene.server.forceShutdown()
    const [code, details] = await failureOf(scene)
    expect(code).toBe(status.UNAVAILABLE)
    expect(details).toBe('The upstream refused the connection. (ERR_SLUICE_CONNECT_REFUSED)')
    expect(details).not.toMatch(/127|\d{4}/)
  })

  it('no route matches', async () => {
    const { client } = await sceneWith()
    const pass = (bytes: Buffer): Buffer => bytes
    const error = await new Promise<ServiceError | null>((resolve) =>
      client.makeUnaryRequest('/other.Service/Method', pass, pass, Buffer.alloc(0), resolve),
    )
    expect([error?.code, error?.details]).toEqual([
      status.UNIMPLEMENTED,
      'Nothing is found here. (ERR_SLUICE_NO_ROUTE)',
    ])
  })

  it.each([
    [401, status.UNAUTHENTICATED],
    [403, status.PERMISSION_DENIED],
    [404, status.UNIMPLEMENTED],
    [413, status.RESOURCE_EXHAUSTED],
    [418, status.UNKNOWN],
    [429, status.RESOURCE_EXHAUSTED],
    [503, status.UNAVAILABLE],
    [504, status.DEADLINE_EXCEEDED],
  ])('a middleware says %i', async (http, code) => {
    const scene = await sceneWith(answering(() => Reply.text('not today: 100 % sure ☕\n', { status: http })))
    expect(await failureOf(scene)).toEqual([code, 'not today: 100 % sure ☕'])
  })

  it('a reply of a middleware keeps its other fields, and its problem’s words', async () => {
    const scene = await sceneWith(
      answering(() => {
        const headers = { 'Content-Type': 'application/problem+json', 'Retry-After': '7' }
        return Reply.json({ title: 'Too Many', detail: 'five a day' }, { status: 429, headers })
      }),
    )
    const { error, trailers } = await scene.client.say('-', new Metadata())
    expect([error?.code, error?.details]).toEqual([status.RESOURCE_EXHAUSTED, 'five a day'])
    expect(trailers.get('retry-after')).toEqual(['7'])
  })

  it('a message is larger than allowed', async () => {
    const scene = await sceneWith({
      transport: { maxResponseHeaderBytes: 500 },
      handlers: {
        say(call, callback) {
          const metadata = new Metadata()
          metadata.set('x-long', 'x'.repeat(1_000))
          call.sendMetadata(metadata)
          callback(null, '-')
        },
      },
    })
    expect(await failureOf(scene)).toEqual([
      status.RESOURCE_EXHAUSTED,
      'The header section of the upstream is larger than allowed. (ERR_SLUICE_RESPONSE_HEADERS_TOO_LARGE)',
    ])
  })
})

describe('where the target is none of gRPC', () => {
  it('its status is translated, and its words are not passed on', async () => {
    const target = await listenUpstream(() => ({
      status: 502,
      headers: { 'Content-Type': 'text/plain' },
      body: 'http://10.0.0.7:8080 is down',
    }))
    closing.push(() => target.close())
    const web = createUpstream('web', { targets: [target.url] })
    closing.push(() => web.destroy())
    const scene = await sceneWith({
      compose: (proxy) => proxy.route({ path: '/words.Words/Say' }, (route) => route.forward(web)),
    })
    expect(await failureOf(scene)).toEqual([status.UNAVAILABLE, 'Bad Gateway'])
  })
})

it('a call that a target can not take is made at another, where calls may be made twice', async () => {
  let refused = 0
  const scene = await sceneWith({
    handlers: {
      say(_call, callback) {
        refused++
        callback({ code: status.UNAVAILABLE, details: 'starting' })
      },
    },
    compose: (proxy) => proxy.use(retry({ methods: ['POST'], grpcStatuses: [status.UNAVAILABLE], backoffMs: 0 })),
  })
  expect(await failureOf(scene)).toEqual([status.UNAVAILABLE, 'starting'])
  expect(refused).toBe(3)
  const other = await sceneWith()
  scene.upstream.add(other.upstream.targets[0]!.url.href)
  for (let i = 0; i < 2; i++) expect((await scene.client.say('hi', new Metadata())).text).toBe('hi')
})

describe('a target that breaks off in the middle', () => {
  it('leaves a client with what has come, and with a status', async () => {
    let open: ServerWritableStream<string, string> | undefined
    const scene = await sceneWith({ handlers: { split: (call) => void (open = call).write('begun') } })
    const call = scene.client.split('-', new Metadata())
    const heard: string[] = []
    call.on('data', (word: string) => heard.push(word))
    const ended = endOf(call)
    await waitFor(() => heard.length === 1)
    expect(open?.cancelled).toBe(false)
    scene.server.forceShutdown()
    const { code, details } = await ended
    expect([code, details]).toEqual([
      status.UNAVAILABLE,
      'The upstream broke off its response. (ERR_SLUICE_RESPONSE_TRUNCATED)',
    ])
    expect(heard).toEqual(['begun'])
    await waitFor(() => scene.upstream.active === 0 && scene.proxy.inFlight === 0)
  })

  it('and one that goes in order ends what it has, and is followed by another', async () => {
    let finish = (): void => {}
    const scene = await sceneWith({
      handlers: {
        split(call) {
          call.write('one')
          finish = () => {
            call.write('two')
            call.end()
          }
        },
      },
    })
    const call = scene.client.split('-', new Metadata())
    const heard: string[] = []
    call.on('data', (word: string) => heard.push(word))
    await waitFor(() => heard.length === 1)
    const next = await openScene()
    closing.push(() => next.close())
    scene.upstream.add(next.upstream.targets[0]!.url.href)
    const gone = new Promise((resolve) => scene.server.tryShutdown(resolve))
    for (let i = 0; i < 4; i++) expect((await scene.client.say('hi', new Metadata())).text).toBe('hi')
    finish()
    await waitFor(() => heard.length === 2)
    await gone
  })
})

it('a proxy that closes tells the client so', async () => {
  const scene = await sceneWith({ handlers: { split: (call) => void call.write('begun') } })
  const call = scene.client.split('-', new Metadata())
  const ended = endOf(call)
  await new Promise((resolve) => call.once('data', resolve))
  await scene.proxy.close({ drainMs: 0 })
  expect((await ended).code).toBe(status.UNAVAILABLE)
})
