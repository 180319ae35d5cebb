/** What Node's own client (nghttp2) says and hears is what the engine hears and says, whatever the fields, the bodies and the tables. */
import { once } from 'node:events'
import { type ClientHttp2Session, connect, type IncomingHttpHeaders, type Settings } from 'node:http2'
import * as fc from 'fast-check'
import { afterEach, expect, it, onTestFinished } from 'vitest'
import { Body, HeaderList, type Http2Stream } from '../../src/index.ts'
import { serveHttp2 } from './serve-http2.ts'

const sessions: ClientHttp2Session[] = []
afterEach(() => {
  for (const session of sessions.splice(0)) session.destroy()
})

async function connectTo(port: number, settings: Settings = {}): Promise<ClientHttp2Session> {
  const session = connect(`http://127.0.0.1:${port}`, { settings })
  sessions.push(session)
  await once(session, 'remoteSettings')
  return session
}

const code = (min: number, max: number) => fc.integer({ min, max }).map((each) => String.fromCharCode(each))
/** All that Node lets pass; mostly what is short in Huffman's code, so that it is used. */
const anyCharacter = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...'aeiost0123-/.% '.split('')) },
  { weight: 4, arbitrary: code(0x20, 0x7e) },
  { weight: 1, arbitrary: code(0x80, 0xff) },
)
const anyValue = fc
  .oneof(
    { weight: 8, arbitrary: fc.string({ unit: anyCharacter, maxLength: 60 }) },
    { weight: 1, arbitrary: fc.string({ unit: anyCharacter, minLength: 120, maxLength: 400 }) },
  )
  .map((value) => value.trim())
const anyName = fc.oneof(
  fc.constantFrom('accept', 'user-agent', 'via', 'etag', 'x-powered-by', 'server', 'authorization', 'set-cookie'),
  fc
    .string({ unit: fc.constantFrom(...'abcxyz019-_!~'.split('')), minLength: 1, maxLength: 20 })
    .map((name) => `x-${name}`),
)
const anyFields = fc.uniqueArray(fc.tuple(anyName, anyValue), { maxLength: 12, selector: ([name]) => name })
const anyMessages = fc.array(fc.tuple(anyFields, anyFields, fc.nat(3_000)), { minLength: 1, maxLength: 12 })
/** Repeated, so that tables are of use. */
const anySession = fc.record({
  messages: anyMessages.map((messages) => [...messages, ...messages, ...messages.toReversed()]),
  headerTableSize: fc.constantFrom(0, 64, 200, 4_096, 65_536),
  maxFrameSize: fc.constantFrom(16_384, 65_536),
})

const BYTES = Buffer.from(Array.from({ length: 3_000 }, (_, index) => index & 255))

it('any fields and bodies are the same on both sides', async () => {
  const heard: { fields: string[]; body: string }[] = []
  let replyFields: readonly (readonly [string, string])[] = []
  const answerWithBody = async (stream: Http2Stream): Promise<void> => {
    const bytes = await stream.body.bytes()
    const body = bytes.toString('latin1')
    heard.push({ fields: [...stream.head.headers].map(([name, value]) => `${name}: ${value}`), body })
    const headers = new HeaderList(replyFields)
    stream.respond(200, headers, body.length % 2 === 0 ? Body.ofLatin1(body) : Body.of(bytes))
  }
  const { port, errors } = await serveHttp2((stream) => void answerWithBody(stream))
  await fc.assert(
    fc.asyncProperty(anySession, async ({ messages, ...settings }) => {
      const session = await connectTo(port, settings)
      for (const [sent, returned, length] of messages) {
        replyFields = returned
        const content = BYTES.subarray(0, length)
        const stream = session.request({ ':method': 'POST', ':path': '/', ...Object.fromEntries(sent) })
        stream.end(content)
        const [fields] = (await once(stream, 'response')) as [IncomingHttpHeaders]
        const body = Buffer.concat(await stream.toArray())
        expect(body.equals(content)).toBe(true)
        expect(heard.pop()).toEqual({
          fields: [`Host: 127.0.0.1:${port}`, ...sent.map(([name, value]) => `${name}: ${value}`)],
          body: content.toString('latin1'),
        })
        const got = Object.entries(fields).filter(([name]) => name !== ':status' && name !== 'date')
        expect(got).toEqual(returned.map(([name, value]) => [name, name === 'set-cookie' ? [value] : value]))
      }
      session.destroy()
    }),
    { numRuns: 40 },
  )
  expect(errors).toEqual([])
})

it('heads and trailers that are longer than a frame arrive', async () => {
  const long = 'v'.repeat(9_000)
  const { port } = await serveHttp2(
    (stream) => {
      const headers = new HeaderList([
        ['x-head', stream.head.headers.get('x-1') === long ? 'long' : 'other'],
        ...Array.from({ length: 5 }, (_, index) => [`x-${index}`, long] as const),
      ])
      const flow = { resume() {}, cancel() {} }
      stream.respond(
        200,
        headers,
        Body.from({
          ...flow,
          start(sink) {
            sink.write(Buffer.from('body'))
            sink.end(new HeaderList({ 'x-1': long, 'x-2': long, 'X-3': 'end' }))
          },
        }),
      )
    },
    { maxListBytes: 200_000, maxHeaderBytes: 200_000 },
  )
  const session = await connectTo(port, { maxHeaderListSize: 1_000_000 })
  onTestFinished(() => session.destroy())
  const stream = session.request({ ':path': '/', 'x-1': long, 'x-2': long, 'x-3': long })
  const trailers = once(stream, 'trailers')
  const [fields] = (await once(stream, 'response')) as [IncomingHttpHeaders]
  expect([fields['x-head'], fields['x-4']?.length]).toEqual(['long', long.length])
  stream.resume()
  expect((await trailers)[0]).toMatchObject({ 'x-1': long, 'x-2': long, 'x-3': 'end' })
})
