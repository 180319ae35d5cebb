import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { rawClient, waitFor, type RawClient } from '../src/index.ts'

const cleanUps: (() => void)[] = []
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp()
})

/** A client, and the server's side of its connection. */
async function connected(): Promise<{ client: RawClient; far: Socket; server: Server }> {
  const sockets: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    sockets.push(socket)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const client = await rawClient({ port: (server.address() as AddressInfo).port })
  await waitFor(() => sockets.length === 1)
  const far = sockets[0]!
  cleanUps.push(() => {
    client.destroy()
    far.destroy()
    server.close()
  })
  return { client, far, server }
}

const response = async (bytes: string, options?: { bodyless?: boolean; end?: boolean }) => {
  const { client, far } = await connected()
  far.write(bytes, 'latin1')
  if (options?.end) far.end()
  return await client.readResponse({ bodyless: options?.bodyless ?? false })
}

describe('rawClient', () => {
  it('sends bytes as they are', async () => {
    const { client, far } = await connected()
    const arrived: Buffer[] = []
    far.on('data', (chunk) => arrived.push(chunk))
    client.write('GET /\xe9 HTTP/1.1\r\n bad: \x00\r\n')
    client.write(Buffer.from([0, 255]))
    const expected = Buffer.concat([
      Buffer.from('GET /\xe9 HTTP/1.1\r\n bad: \x00\r\n', 'latin1'),
      Buffer.from([0, 255]),
    ])
    await waitFor(() => Buffer.concat(arrived).equals(expected))
  })

  it('reads until a text, or until a predicate holds', async () => {
    const { client, far } = await connected()
    far.write('one\r\ntwo\r\nthr')
    expect((await client.readUntil('\r\n')).toString()).toBe('one\r\n')
    expect((await client.readUntil('\r\n')).toString()).toBe('two\r\n')
    setTimeout(() => far.write('ee'), 5)
    expect((await client.readUntil((unread) => unread.length === 5)).toString()).toBe('three')
    expect(client.received.toString()).toBe('one\r\ntwo\r\nthree')
  })

  it('gives up after a time, or when the connection ends, and says what came', async () => {
    const { client, far } = await connected()
    far.write('some')
    await expect(client.readUntil('more', 20)).rejects.toThrow('20 ms in vain; unread: "some"')
    far.end()
    await expect(client.readUntil('more')).rejects.toThrow('ended after "some"')
  })

  it('fails to connect where nobody listens', async () => {
    const { server, client } = await connected()
    const { port } = server.address() as AddressInfo
    client.destroy()
    server.close()
    await expect(rawClient({ port })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('tells a FIN from a RST from its own doing', async () => {
    const first = await connected()
    first.far.end()
    expect(await first.client.closed).toBe('end')
    const second = await connected()
    second.far.resetAndDestroy()
    expect(await second.client.closed).toBe('reset')
    const third = await connected()
    third.client.destroy()
    expect(await third.client.closed).toBe('close')
  })

  it('sends a FIN and still reads; sends a RST', async () => {
    const first = await connected()
    first.far.on('end', () => first.far.end('bye'))
    first.far.resume()
    first.client.end()
    expect((await first.client.readUntil('bye')).toString()).toBe('bye')
    const second = await connected()
    let code: string | undefined
    second.far.on('error', (error: NodeJS.ErrnoException) => (code = error.code)).resume()
    second.client.reset()
    await waitFor(() => code === 'ECONNRESET')
  })

  it('makes the peer wait while it is paused', async () => {
    const { client, far } = await connected()
    client.pause()
    const block = Buffer.alloc(1_048_576)
    let blocks = 0
    while (far.write(block) || far.writableLength === 0) blocks++
    for (; blocks < 16; blocks++) far.write(block)
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(far.writableLength).toBeGreaterThan(0)
    const before = client.received.length
    client.resume()
    await waitFor(() => far.writableLength === 0)
    expect(client.received.length).toBeGreaterThan(before)
  })
})

describe('readResponse', () => {
  it('reads content by its length, and leaves the rest for the next', async () => {
    const { client, far } = await connected()
    far.write(
      'HTTP/1.1 200 Fine\r\nA: 1\r\na: 2\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n',
    )
    const first = await client.readResponse()
    expect(first).toMatchObject({ httpVersion: '1.1', status: 200, reason: 'Fine', complete: true })
    expect(first.headers).toEqual([
      ['A', '1'],
      ['a', '2'],
      ['Content-Length', '2'],
    ])
    expect(first.header('A')).toBe('1, 2')
    expect(first.header('b')).toBeUndefined()
    expect(first.body.toString()).toBe('ok')
    expect(first.leftover.toString()).toMatch(/^HTTP\/1.1 404/)
    const second = await client.readResponse()
    expect([second.status, second.leftover.length]).toEqual([404, 0])
  })

  it('reads chunks and trailers', async () => {
    const read = await response(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nDigest: abc\r\n\r\nsurplus',
    )
    expect(read.body.toString()).toBe('hello')
    expect(read.trailers).toEqual([['Digest', 'abc']])
    expect([read.complete, read.leftover.toString()]).toEqual([true, 'surplus'])
    const bare = await response('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nx')
    expect([bare.body.toString(), bare.trailers, bare.leftover.toString()]).toEqual(['a', [], 'x'])
  })

  it('waits for what is missing, byte by byte', async () => {
    const { client, far } = await connected()
    far.setNoDelay()
    const reading = client.readResponse()
    for (const byte of 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n') {
      far.write(byte)
      await new Promise((resolve) => setImmediate(resolve))
    }
    const read = await reading
    expect([read.body.toString(), read.trailers]).toEqual(['hello', [['A', 'b']]])
  })

  it('reads to the end of the connection where nothing else ends it', async () => {
    const read = await response('HTTP/1.0 200 OK\r\n\r\nall', { end: true })
    expect([read.body.toString(), read.complete]).toEqual(['all', true])
  })

  it('tells a response that was cut short', async () => {
    const byLength = await response('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf', { end: true })
    expect([byLength.body.toString(), byLength.complete]).toEqual(['half', false])
    const byChunks = await response('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n5\r\nhal', {
      end: true,
    })
    expect([byChunks.body.toString(), byChunks.complete]).toEqual(['okhal', false])
    const noEnd = await response('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n', { end: true })
    expect(noEnd.complete).toBe(false)
  })

  it('expects no body where there can be none', async () => {
    expect((await response('HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n')).complete).toBe(true)
    expect((await response('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')).status).toBe(103)
    expect((await response('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', { bodyless: true })).body.length).toBe(0)
  })

  it('refuses what is no HTTP', async () => {
    await expect(response('HTTP/1.1 2x0 OK\r\n\r\n')).rejects.toThrow('not a status line')
    await expect(response('HTTP/1.1 200 OK\r\nnonsense\r\n\r\n')).rejects.toThrow('not a field')
    await expect(response('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n')).rejects.toThrow('chunk size')
    await expect(response('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n')).rejects.toThrow(
      'a chunk',
    )
    await expect(response('HTTP/1.1 200', { end: true })).rejects.toThrow('before a response')
  })
})
