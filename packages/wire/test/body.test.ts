import { Readable } from 'node:stream'
import { ReadableStream } from 'node:stream/web'
import { describe, expect, it } from 'vitest'
import { Body, HeaderList, type WireError } from '../src/index.ts'
import { EagerSource, ManualSource, RecordingSink } from './recording.ts'

const used = expect.objectContaining({ code: 'ERR_SLUICE_BODY_USED' })
const tooLarge = expect.objectContaining({ code: 'ERR_SLUICE_BODY_TOO_LARGE' })
const aborted = expect.objectContaining({ code: 'ERR_SLUICE_BODY_ABORTED' })

const TEXT = '{"name":"Zoë"}'
/** Cuts within the two bytes of the ë. */
const CHUNKS = [Buffer.from(TEXT).subarray(0, 12), Buffer.from(TEXT).subarray(12)]

const KINDS: Record<string, () => Body> = {
  text: () => Body.of(TEXT),
  bytes: () => Body.of(Buffer.from(TEXT)),
  source: () => Body.from(new EagerSource(['{"name":', '"Zoë"', '}'])),
  'Node stream': () => Body.fromReadable(Readable.from(CHUNKS)),
  'Node stream of strings': () => Body.fromReadable(Readable.from(['{"name"', ':"Zoë"}']).setEncoding('utf8')),
  'web stream': () => Body.fromStream(ReadableStream.from<Uint8Array>(CHUNKS)),
  replayable: () => Body.from(new EagerSource([TEXT])).replayable(100),
  transformed: () => Body.fromReadable(Readable.from(CHUNKS)).transform((sink) => sink),
}

const READERS: Record<string, (body: Body) => Promise<string>> = {
  bytes: async (body) => (await body.bytes()).toString(),
  text: async (body) => await body.text(),
  json: async (body) => JSON.stringify(await body.json()),
  readable: async (body) => Buffer.concat(await body.readable().toArray()).toString(),
  stream: async (body) => await textOf(body.stream()),
  pipe: async (body) =>
    await new Promise((resolve, reject) => {
      const chunks: Uint8Array[] = []
      body.pipe({
        begin() {},
        write: (chunk) => chunks.push(chunk) > 0,
        end: () => resolve(Buffer.concat(chunks).toString()),
        abort: reject,
      })
    }),
}

async function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

describe.each(Object.keys(KINDS))('a body of %s', (kind) => {
  it.each(Object.keys(READERS))('gives its whole content to %s()', async (reader) => {
    expect(await READERS[reader]!(KINDS[kind]!())).toBe(TEXT)
  })

  it('tells a second reader, unless it can be read again', async () => {
    const body = KINDS[kind]!()
    const again = body.canReplay && (kind === 'text' || kind === 'bytes' || kind === 'replayable')
    expect(await body.text()).toBe(TEXT)
    expect(body.canReplay).toBe(again)
    for (const [name, read] of Object.entries(READERS)) {
      if (again) expect(await read(body), name).toBe(TEXT)
      else await expect(async () => await read(body), name).rejects.toThrow(used)
    }
  })

  it('is limited by maxBytes, and cancels the rest', async () => {
    const length = Buffer.byteLength(TEXT)
    expect(await KINDS[kind]!().text({ maxBytes: length })).toBe(TEXT)
    await expect(KINDS[kind]!().text({ maxBytes: length - 1 })).rejects.toThrow(tooLarge)
    await expect(KINDS[kind]!().json({ maxBytes: 0 })).rejects.toThrow(tooLarge)
  })
})

describe('a body without content', () => {
  it('is empty and ends at once, for every reader but json()', async () => {
    for (const body of [Body.empty, Body.of(''), Body.of(new Uint8Array(0))]) {
      expect(body.isEmpty).toBe(true)
      expect(await body.text()).toBe('')
      expect(await body.readable().toArray()).toEqual([])
      expect(await READERS['stream']!(body)).toBe('')
      await expect(body.json()).rejects.toThrow(expect.objectContaining({ code: 'ERR_SLUICE_BODY_NOT_JSON' }))
    }
  })

  it('flowing, ends as well', async () => {
    expect(await Body.from(new EagerSource([])).text()).toBe('')
    expect(await Body.fromReadable(Readable.from([])).text()).toBe('')
  })
})

describe('a limit that what flows exceeds', () => {
  it('cancels the rest, and keeps nothing of what still comes', async () => {
    const source = new ManualSource()
    const text = Body.from(source).text({ maxBytes: 5 })
    source.write('12345')
    expect(source.cancelledWith).toBeUndefined()
    source.write('6')
    expect(source.cancelledWith).toEqual(tooLarge)
    source.write('789')
    source.sink!.end()
    await expect(text).rejects.toThrow(tooLarge)
  })
})

describe('a limit that the announced length exceeds', () => {
  it('refuses before anything flows, and frees the source', async () => {
    const source = new ManualSource()
    await expect(Body.from(source, 11).bytes({ maxBytes: 10 })).rejects.toThrow(tooLarge)
    expect(source.asked).toEqual(['cancel'])
  })

  it('does so through a transformer, which never meets the body', async () => {
    const source = new ManualSource()
    const body = Body.from(source, 11).transform((sink) => sink, 11)
    await expect(body.bytes({ maxBytes: 10 })).rejects.toThrow(tooLarge)
    expect(source.asked).toEqual(['cancel'])
  })

  it('leaves a replayable body to the next reader', async () => {
    const body = Body.from(new EagerSource(['hello']), 5).replayable(100)
    await expect(body.bytes({ maxBytes: 2 })).rejects.toThrow(tooLarge)
    expect(await body.text()).toBe('hello')
  })
})

describe('cancel', () => {
  it('frees the source of a body that nobody read, once', () => {
    const source = new ManualSource()
    const body = Body.from(source)
    const error = new Error('not wanted')
    body.cancel(error)
    body.cancel(new Error('again'))
    expect(source.asked).toEqual(['cancel'])
    expect(source.cancelledWith).toBe(error)
    expect(() => body.pipe(new RecordingSink())).toThrow(used)
  })

  it('destroys a Node stream, cancels a web stream', async () => {
    const readable = Readable.from(CHUNKS)
    Body.fromReadable(readable).cancel()
    expect(readable.destroyed).toBe(true)
    const reason = Promise.withResolvers<unknown>()
    Body.fromStream(new ReadableStream({ cancel: reason.resolve })).cancel(new Error('why'))
    expect(await reason.promise).toEqual(new Error('why'))
  })

  it('does nothing to a body in memory, or to one that is being read', () => {
    const memory = Body.of('x')
    memory.cancel()
    expect(memory.canReplay).toBe(true)
    const source = new ManualSource()
    const body = Body.from(source)
    body.pipe(new RecordingSink())
    body.cancel()
    expect(source.asked).toEqual(['start'])
  })
})

describe('a body that breaks off', () => {
  it('rejects readers that gather it, and never hands them a part', async () => {
    const source = new ManualSource()
    const text = Body.from(source).text()
    source.write('half')
    source.sink!.abort(new Error('broken'))
    await expect(text).rejects.toThrow('broken')
  })

  it('destroys a Node stream and errors a web stream', async () => {
    const first = new ManualSource()
    const readable = Body.from(first).readable()
    readable.read(0)
    first.write('half')
    first.sink!.abort(new Error('broken'))
    await expect(readable.toArray()).rejects.toThrow('broken')

    const second = new ManualSource()
    const reader = Body.from(second).stream().getReader()
    second.write('half')
    expect((await reader.read()).value).toEqual(Buffer.from('half'))
    second.sink!.abort(new Error('broken'))
    await expect(reader.read()).rejects.toThrow('broken')
  })

  it('is what a Node stream becomes that fails, is closed early, or failed before it was read', async () => {
    const failing = new Readable({ read() {} })
    const text = Body.fromReadable(failing).text()
    failing.push('half')
    failing.destroy(new Error('broken'))
    await expect(text).rejects.toThrow('broken')

    const closed = new Readable({ read() {} })
    const other = Body.fromReadable(closed).text()
    closed.push('half')
    closed.destroy()
    await expect(other).rejects.toThrow(aborted)

    const early = new Readable({ read() {} })
    const body = Body.fromReadable(early)
    early.destroy(new Error('too early'))
    await new Promise((resolve) => early.once('close', resolve))
    await expect(body.text()).rejects.toThrow('too early')
  })

  it('is what a Node stream gives that was read to its end before: never an empty body', async () => {
    const readable = Readable.from(['x'])
    await readable.toArray()
    await expect(Body.fromReadable(readable).text()).rejects.toThrow(used)
  })

  it('is what a web stream becomes that errors, or that someone else reads', async () => {
    const failing = new ReadableStream<Uint8Array>({ start: (controller) => controller.error(new Error('broken')) })
    await expect(Body.fromStream(failing).text()).rejects.toThrow('broken')
    const odd = new ReadableStream<Uint8Array>({ start: (controller) => controller.error('a string') })
    await expect(Body.fromStream(odd).text()).rejects.toThrow(aborted)
    const locked = new ReadableStream<Uint8Array>()
    locked.getReader()
    await expect(Body.fromStream(locked).text()).rejects.toThrow(TypeError)
  })
})

describe('backpressure', () => {
  const LARGE = Array.from({ length: 64 }, () => 'x'.repeat(16_384))

  it('stops a source while a Node stream is not read, and lets it go on after', async () => {
    const source = new EagerSource(LARGE)
    const readable = Body.from(source).readable()
    readable.read(0)
    const before = source.written
    expect(before).toBeLessThan(10)
    expect((await readable.toArray()).reduce((size: number, chunk: Buffer) => size + chunk.byteLength, 0)).toBe(
      1_048_576,
    )
  })

  it('stops a source while a web stream is not read, and lets it go on after', async () => {
    const source = new EagerSource(LARGE)
    const stream = Body.from(source).stream()
    await new Promise(setImmediate)
    expect(source.written).toBeLessThan(10)
    let size = 0
    for await (const chunk of stream) size += chunk.byteLength
    expect(size).toBe(1_048_576)
  })

  it('pauses a Node stream until the sink asks for more', async () => {
    const readable = new Readable({ read() {} })
    const sink = new RecordingSink(1)
    Body.fromReadable(readable).pipe(sink)
    readable.push('ab')
    readable.push('cd')
    readable.push('ef')
    readable.push(null)
    await new Promise(setImmediate)
    expect([sink.text, sink.state, readable.isPaused()]).toEqual(['ab', 'open', true])
    sink.take(1)
    await new Promise(setImmediate)
    expect([sink.text, sink.state]).toEqual(['abcd', 'open'])
    sink.take()
    await new Promise(setImmediate)
    expect([sink.text, sink.state]).toEqual(['abcdef', 'ended'])
  })

  it('reads no further from a web stream until the sink asks for more', async () => {
    let pulled = 0
    const stream = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          if (++pulled > 3) controller.close()
          else controller.enqueue(Buffer.from(String(pulled)))
        },
      },
      { highWaterMark: 0 },
    )
    const sink = new RecordingSink(1)
    Body.fromStream(stream).pipe(sink)
    await new Promise(setImmediate)
    expect([sink.text, pulled]).toEqual(['1', 1])
    sink.take()
    await new Promise(setImmediate)
    expect([sink.text, sink.state]).toEqual(['123', 'ended'])
  })
})

describe('readable()', () => {
  it('starts to flow when it is read, not before', () => {
    const source = new ManualSource()
    const readable = Body.from(source).readable()
    expect(source.asked).toEqual([])
    readable.read(0)
    expect(source.asked[0]).toBe('start')
  })

  it('cancels the body when it is destroyed, whether or not it was read', () => {
    for (const read of [true, false]) {
      const source = new ManualSource()
      const readable = Body.from(source).readable()
      if (read) readable.read(0)
      readable.destroy()
      expect(source.asked.at(-1)).toBe('cancel')
      expect(source.cancelledWith).toEqual(aborted)
    }
  })

  it('leaves an unread body alone with keepUnread, and cancels a read one all the same', async () => {
    const kept = Body.from(new EagerSource(['x']))
    kept.readable({ keepUnread: true }).destroy()
    expect(await kept.text()).toBe('x')
    const source = new ManualSource()
    const readable = Body.from(source).readable({ keepUnread: true })
    readable.read(0)
    readable.destroy()
    expect(source.asked.at(-1)).toBe('cancel')
  })

  it('has the trailers once it is complete', async () => {
    const body = Body.from(new EagerSource(['x'], new HeaderList({ 'X-Sum': '1' })))
    const readable = body.readable() as ReturnType<Body['readable']> & { trailers?: HeaderList }
    expect(readable.trailers).toBeUndefined()
    await readable.toArray()
    expect(readable.trailers?.get('x-sum')).toBe('1')
  })
})

describe('stream()', () => {
  it('cancels the body with it', async () => {
    const source = new ManualSource()
    const stream = Body.from(source).stream()
    const reason = new Error('enough')
    await stream.cancel(reason)
    expect(source.cancelledWith).toBe(reason)
    source.sink!.write(Buffer.from('late'))
    source.sink!.end()
    const other = new ManualSource()
    await Body.from(other).stream().cancel('a string')
    expect(other.cancelledWith).toEqual(aborted)
    expect((other.cancelledWith as WireError).cause).toBe('a string')
  })
})

describe('transform()', () => {
  const shout = (body: Body, length?: number): Body =>
    body.transform(
      (sink) => ({
        begin: (flow) => sink.begin(flow),
        write: (chunk) => sink.write(Buffer.from(Buffer.from(chunk).toString().toUpperCase())),
        end: (trailers) => sink.end(trailers),
        abort: (error) => sink.abort(error),
      }),
      length,
    )

  it('changes what flows, and carries trailers, backpressure and length', () => {
    const source = new EagerSource(['ab', 'cd', 'ef'], new HeaderList({ t: '1' }))
    const body = shout(Body.from(source), 6)
    expect(body.length).toBe(6)
    const sink = new RecordingSink(1)
    body.pipe(sink)
    expect([sink.text, source.written]).toEqual(['AB', 1])
    sink.take(3)
    expect([sink.text, source.written]).toEqual(['ABCDEF', 3])
    sink.take()
    expect([sink.state, sink.trailers?.get('t')]).toEqual(['ended', '1'])
  })

  it('hands cancel and abort on', () => {
    const source = new ManualSource()
    const sink = new RecordingSink()
    shout(Body.from(source)).pipe(sink)
    sink.flow!.cancel(new Error('enough'))
    expect(source.asked).toEqual(['start', 'cancel'])
    source.write('late')
    source.sink!.end()
    expect(sink.text).toBe('')

    const broken = new ManualSource()
    const other = new RecordingSink()
    shout(Body.from(broken)).pipe(other)
    broken.sink!.abort(new Error('broken'))
    expect(other.state).toEqual(new Error('broken'))
  })

  it('cancels its original when nobody reads it', () => {
    const source = new ManualSource()
    shout(Body.from(source)).cancel(new Error('not wanted'))
    expect(source.asked).toEqual(['cancel'])
  })
})

it('knows whether it is all in memory, in which form ever', () => {
  expect(Body.of('abc').isInMemory).toBe(true)
  expect(Body.ofLatin1('abc').isInMemory).toBe(true)
  expect(Body.empty.isInMemory).toBe(true)
  expect(Body.from(new EagerSource(['abc']), 3).isInMemory).toBe(false)
  expect(Body.from(new EagerSource(['abc'])).replayable(10).isInMemory).toBe(false)
})
