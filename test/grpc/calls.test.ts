/** Calls of each kind, by a client and a target that know nothing of the gateway between them. */
import { compressionAlgorithms, Metadata, status } from '@grpc/grpc-js'
import { waitFor } from '@sluice/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openScene, type Scene } from './scene.ts'

describe.each([
  ['in the clear', false],
  ['over TLS', true],
])('%s', (_name, isSecure) => {
  let scene: Scene
  beforeAll(async () => {
    scene = await openScene({
      isSecure,
      handlers: {
        say(call, callback) {
          if (call.request === 'teapot') {
            const trailers = new Metadata()
            trailers.set('x-reason', 'short and stout')
            return callback({ code: status.FAILED_PRECONDITION, details: 'a teapot: 100 % ☕', metadata: trailers })
          }
          const trailers = new Metadata()
          trailers.set('x-length', String(call.request.length))
          trailers.set('x-sum-bin', Buffer.from([0, 255, 10]))
          call.sendMetadata(call.metadata)
          callback(null, call.request, trailers)
        },
      },
    })
  })
  afterAll(async () => await scene.close())

  it('a call with metadata, as text and as bytes, both ways', async () => {
    const metadata = new Metadata()
    metadata.set('x-text', 'plain')
    metadata.add('x-text', 'twice')
    metadata.set('x-raw-bin', Buffer.from([0, 1, 254, 255]))
    const said = await scene.client.say('hello', metadata)
    expect([said.error, said.text]).toEqual([undefined, 'hello'])
    expect(said.metadata!.get('x-text')).toEqual(['plain, twice'])
    expect(said.metadata!.get('x-raw-bin')).toEqual([Buffer.from([0, 1, 254, 255])])
    expect(said.trailers.get('x-length')).toEqual(['5'])
    expect(said.trailers.get('x-sum-bin')).toEqual([Buffer.from([0, 255, 10])])
  })

  it('a call that the target refuses, with its words', async () => {
    const { error, trailers } = await scene.client.say('teapot', new Metadata())
    expect([error?.code, error?.details]).toEqual([status.FAILED_PRECONDITION, 'a teapot: 100 % ☕'])
    expect(trailers.get('x-reason')).toEqual(['short and stout'])
  })

  it('a method that the target does not have', async () => {
    const outcome = await new Promise((resolve) => {
      const pass = (bytes: Buffer): Buffer => bytes
      scene.client.makeUnaryRequest('/words.Words/None', pass, pass, Buffer.alloc(0), (error) => resolve(error?.code))
    })
    expect(outcome).toBe(status.UNIMPLEMENTED)
  })

  it('a message that is longer than any window, and many at once', async () => {
    const long = 'x'.repeat(2_000_000)
    expect((await scene.client.say(long, new Metadata())).text).toBe(long)
    const texts = Array.from({ length: 150 }, (_, i) => `text ${i}`)
    const said = await Promise.all(texts.map(async (text) => await scene.client.say(text, new Metadata())))
    expect(said.map(({ text }) => text)).toEqual(texts)
  })

  it('a stream of the client’s', async () => {
    const joined = Promise.withResolvers<string | undefined>()
    const call = scene.client.join(new Metadata(), (error, text) =>
      error ? joined.reject(error) : joined.resolve(text),
    )
    for (const word of ['one', 'two', 'three']) call.write(word)
    call.end()
    expect(await joined.promise).toBe('one two three')
  })

  it('a stream of the target’s', async () => {
    expect(await scene.client.split('one two three', new Metadata()).toArray()).toEqual(['one', 'two', 'three'])
  })

  it('streams of both, each word answered before the next is said', async () => {
    const call = scene.client.chat(new Metadata())
    const heard: string[] = []
    call.on('data', (word: string) => heard.push(word))
    const ended = new Promise((resolve) => call.on('status', resolve))
    for (const word of ['are', 'you', 'there']) {
      call.write(word)
      await waitFor(() => heard.at(-1) === `${word}?`)
    }
    call.end()
    expect(await ended).toMatchObject({ code: status.OK })
  })

  it('a call that the client gives up is given up at the target', async () => {
    let cancelled = 0
    const other = await openScene({
      isSecure,
      handlers: {
        say: (call) => void call.on('cancelled', () => cancelled++),
        chat: (call) => void call.on('cancelled', () => cancelled++).on('data', (word: string) => call.write(word)),
      },
    })
    const chat = other.client.chat(new Metadata())
    chat.write('hello')
    await new Promise((resolve) => chat.once('data', resolve))
    const outcome = new Promise<number>((resolve) => chat.on('error', ({ code }: { code: number }) => resolve(code)))
    chat.cancel()
    expect(await outcome).toBe(status.CANCELLED)
    await waitFor(() => cancelled === 1)
    const { upstream } = other
    await waitFor(() => upstream.active === 0)
    await other.close()
  })
})

it('compressed messages pass as they are', async () => {
  const scene = await openScene({
    channel: { 'grpc.default_compression_algorithm': compressionAlgorithms.gzip },
  })
  const text = 'again and '.repeat(10_000)
  expect((await scene.client.say(text, new Metadata())).text).toBe(text)
  await scene.close()
})
