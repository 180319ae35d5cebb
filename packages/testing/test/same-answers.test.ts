/** The two forms of an upstream, told the same, asked the same, have to be seen to answer the same. */
import { Body } from '@sluice/wire'
import { afterAll, describe, expect, it } from 'vitest'
import { fakeUpstream, listenUpstream, rawClient } from '../src/index.ts'
import type { RecordedRequest, UpstreamHandler } from '../src/index.ts'
import { attempt } from './attempt.ts'

interface Ask {
  readonly method?: string
  readonly path?: string
  readonly headers?: readonly (readonly [string, string])[]
  readonly body?: string
}

/** What a client gets to see, and what the upstream recorded. */
interface Seen {
  readonly informational: readonly (readonly [status: number, headers: readonly (readonly [string, string])[]])[]
  readonly status: number | undefined
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
  readonly trailers: readonly (readonly [string, string])[]
  readonly complete: boolean
  readonly recorded: Pick<RecordedRequest, 'method' | 'path' | 'headers' | 'trailers' | 'complete' | 'aborted'> & {
    readonly text: string
  }
}

const recordedOf = (request: RecordedRequest | undefined): Seen['recorded'] => {
  const { method, path, headers, trailers, complete, aborted, body } = request!
  return { method, path, headers, trailers, complete, aborted, text: body.toString() }
}

async function inProcess(handler: UpstreamHandler | undefined, ask: Ask): Promise<Seen> {
  const upstream = fakeUpstream(handler)
  const sent = attempt(upstream.transport, { ...ask, headers: ask.headers ?? [], body: Body.of(ask.body ?? '') })
  const error = await sent.done
  const reply = sent.events.includes('reply') ? await sent.replied : undefined
  return {
    informational: sent.informational,
    status: reply?.status,
    headers: [...(reply?.headers ?? [])],
    body: sent.content(),
    trailers: sent.trailers,
    complete: error === undefined,
    recorded: recordedOf(upstream.requests[0]),
  }
}

const closing: (() => Promise<void>)[] = []
afterAll(async () => {
  for (const close of closing) await close()
})

async function onLoopback(handler: UpstreamHandler | undefined, ask: Ask): Promise<Seen> {
  const upstream = await listenUpstream(handler)
  closing.push(async () => await upstream.close())
  const client = await rawClient({ port: upstream.port })
  const { method = 'GET', path = '/', headers = [], body = '' } = ask
  const lines = [`${method} ${path} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`)]
  if (body !== '') lines.push(`Content-Length: ${Buffer.byteLength(body)}`)
  client.write(`${lines.join('\r\n')}\r\n\r\n`)
  client.write(Buffer.from(body))
  const informational: [number, readonly (readonly [string, string])[]][] = []
  try {
    for (;;) {
      const response = await client.readResponse({ bodyless: method === 'HEAD' })
      if (response.status < 200) {
        informational.push([response.status, response.headers])
        continue
      }
      const { status, headers, trailers, complete } = response
      const recorded = recordedOf(upstream.requests[0])
      return { informational, status, headers, body: response.body.toString(), trailers, complete, recorded }
    }
  } catch {
    const recorded = recordedOf(upstream.requests[0])
    return { informational, status: undefined, headers: [], body: '', trailers: [], complete: false, recorded }
  }
}

const HOST = [['Host', 'users.test']] as const

const cases: Record<string, { ask?: Ask; handler?: UpstreamHandler; expected: Partial<Seen> }> = {
  'echoes without a handler': {
    ask: { method: 'PUT', path: '/a?b=%2f', headers: [...HOST, ['X-A', '1'], ['x-a', '2']], body: 'grüß' },
    expected: {
      status: 200,
      body: '{"method":"PUT","path":"/a?b=%2f","headers":{"host":"users.test","x-a":["1","2"],"content-length":"6"},"body":"grüß"}',
      headers: [
        ['Content-Type', 'application/json'],
        ['Content-Length', '119'],
      ],
    },
  },
  'keeps order, spelling and duplicates of fields': {
    handler: () => ({
      status: 404,
      headers: [
        ['Set-Cookie', 'a=1'],
        ['X-B', ''],
        ['set-cookie', 'b=2'],
      ],
      body: 'no',
    }),
    expected: {
      status: 404,
      headers: [
        ['Set-Cookie', 'a=1'],
        ['X-B', ''],
        ['set-cookie', 'b=2'],
        ['Content-Length', '2'],
      ],
    },
  },
  'takes fields as a record': {
    handler: () => ({ headers: { A: ['1', '2'], B: 3 } }),
    expected: {
      headers: [
        ['A', '1'],
        ['A', '2'],
        ['B', '3'],
        ['Content-Length', '0'],
      ],
      body: '',
    },
  },
  'sends bytes': {
    handler: () => ({ body: Buffer.from('bytes') }),
    expected: { headers: [['Content-Length', '5']], body: 'bytes' },
  },
  'sends chunks, of all kinds': {
    handler: () => ({
      body: (async function* () {
        yield 'one'
        yield Buffer.from('')
        yield Buffer.from('two')
      })(),
    }),
    expected: { headers: [['Transfer-Encoding', 'chunked']], body: 'onetwo' },
  },
  'sends chunks with the length that the handler says': {
    handler: () => ({ headers: { 'Content-Length': 4 }, body: ['ab', 'cd'] }),
    expected: { headers: [['Content-Length', '4']], body: 'abcd' },
  },
  'sends trailers': {
    handler: () => ({ body: 'x', trailers: { 'X-Sum': '1', 'X-Other': ['2', '3'] } }),
    expected: {
      headers: [['Transfer-Encoding', 'chunked']],
      trailers: [
        ['X-Sum', '1'],
        ['X-Other', '2'],
        ['X-Other', '3'],
      ],
    },
  },
  'sends trailers after no body': {
    handler: () => ({ trailers: { 'X-Sum': '1' } }),
    expected: { body: '', trailers: [['X-Sum', '1']] },
  },
  'sends interim replies first': {
    handler: () => ({
      informational: [{ status: 103, headers: { Link: '</a.css>' } }, { status: 102 }],
      delayMs: 1,
      body: 'x',
    }),
    expected: {
      informational: [
        [103, [['Link', '</a.css>']]],
        [102, []],
      ],
      body: 'x',
    },
  },
  'answers HEAD with the length and no body': {
    ask: { method: 'HEAD' },
    handler: () => ({ body: 'hello' }),
    expected: { headers: [['Content-Length', '5']], body: '' },
  },
  'answers 204 and 304 without framing': {
    handler: () => ({ status: 304, headers: { ETag: '"a"' }, body: 'ignored' }),
    expected: { status: 304, headers: [['ETag', '"a"']], body: '' },
  },
  'breaks off a body of known length': {
    handler: () => ({ body: 'hello', abortAfterBytes: 3 }),
    expected: { headers: [['Content-Length', '5']], body: 'hel', complete: false },
  },
  'breaks off at once': {
    handler: () => ({ body: 'hello', abortAfterBytes: 0 }),
    expected: { status: 200, body: '', complete: false },
  },
  'breaks off chunks, also after the last': {
    handler: () => ({ body: ['ab', 'cd'], abortAfterBytes: 4 }),
    expected: { body: 'abcd', complete: false },
  },
  'breaks off when the chunks fail': {
    handler: () => ({
      body: (async function* () {
        yield 'so far'
        throw new Error('and no further')
      })(),
    }),
    expected: { body: 'so far', complete: false },
  },
  'loses the connection before an answer': {
    handler: () => ({ reset: true }),
    expected: { status: undefined, complete: false },
  },
  'says that a handler failed': {
    handler: () => {
      throw new Error('oops')
    },
    expected: { status: 500, body: "the upstream's handler failed: Error: oops" },
  },
  'says that an answer makes no sense': {
    handler: () => ({ status: 99 }),
    expected: { status: 500, body: "the upstream's handler failed: RangeError: not a status: 99" },
  },
  'says that nothing is left to break off': {
    handler: () => ({ body: 'hi', abortAfterBytes: 2 }),
    expected: { status: 500 },
  },
  'waits for a promise, whichever way it settles': {
    handler: async () => await Promise.resolve({ hold: Promise.reject(new Error('no matter')), body: 'x' }),
    expected: { status: 200, body: 'x' },
  },
}

describe('fakeUpstream and listenUpstream', () => {
  for (const [name, { ask = {}, handler, expected }] of Object.entries(cases)) {
    it(name, async () => {
      const asked = { headers: HOST, ...ask }
      const real = await onLoopback(handler, asked)
      const fake = await inProcess(handler, asked)
      expect(fake).toEqual(real)
      expect(real).toMatchObject(expected)
      expect(real.recorded).toMatchObject({ complete: true, aborted: false })
    })
  }
})
