/**
 * An independent, minimal reading of HTTP/1.1 responses (RFC 9112, section 6.3): enough to see what a gateway put on the
 * wire, and on purpose not the gateway's own parser.
 */

/** A response as it arrived. */
export interface ReceivedResponse {
  readonly httpVersion: string
  readonly status: number
  readonly reason: string
  /** In order, in the spelling received, duplicates included. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** The content, without its chunks' framing. */
  readonly body: Buffer
  readonly trailers: readonly (readonly [name: string, value: string])[]
  /** What had arrived beyond the response. The next read begins with it. */
  readonly leftover: Buffer
  /** Whether it came to its announced end. False when the connection ended before. */
  readonly complete: boolean
  /** The value of a field, whatever its case; several are joined with `", "`. */
  header(name: string): string | undefined
}

/**
 * Reads a response from the beginning of `bytes`. `undefined` while more is needed; with `ended`, nothing more will come.
 * @throws {Error} when it is no HTTP
 */
export function readResponseFrom(bytes: Buffer, ended: boolean, bodyless: boolean): ReceivedResponse | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd < 0) {
    if (!ended) return undefined
    throw new Error(
      `the connection ended before a response's head did, after ${JSON.stringify(bytes.toString('latin1'))}`,
    )
  }
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n')
  const parts = /^HTTP\/(\d\.\d) (\d{3})(?: (.*))?$/.exec(statusLine)
  if (parts === null) throw new Error(`not a status line: ${JSON.stringify(statusLine)}`)
  const [, httpVersion = '', status = '', reason = ''] = parts
  const headers = lines.map(fieldOf)
  const header = (name: string): string | undefined => {
    const values = headers.filter(([each]) => each.toLowerCase() === name.toLowerCase()).map(([, value]) => value)
    return values.length === 0 ? undefined : values.join(', ')
  }
  const content = readContent(bytes.subarray(headEnd + 4), ended, {
    bodyless: bodyless || status.startsWith('1') || status === '204' || status === '304',
    chunked: header('transfer-encoding')?.toLowerCase() === 'chunked',
    length: header('content-length'),
  })
  return content && { httpVersion, status: Number(status), reason, headers, header, ...content }
}

type Content = Pick<ReceivedResponse, 'body' | 'trailers' | 'leftover' | 'complete'>

interface Framing {
  readonly bodyless: boolean
  readonly chunked: boolean
  readonly length: string | undefined
}

const NOTHING = Buffer.alloc(0)

function readContent(bytes: Buffer, ended: boolean, framing: Framing): Content | undefined {
  if (framing.bodyless) return { body: NOTHING, trailers: [], leftover: bytes, complete: true }
  if (framing.chunked) return readChunks(bytes, ended)
  if (framing.length === undefined) {
    // It goes on until the connection ends, and no one can tell whether that was the end meant.
    return ended ? { body: bytes, trailers: [], leftover: NOTHING, complete: true } : undefined
  }
  const length = Number(framing.length)
  if (!Number.isSafeInteger(length)) throw new Error(`not a content length: ${framing.length}`)
  const complete = bytes.length >= length
  if (!complete && !ended) return undefined
  return { body: bytes.subarray(0, length), trailers: [], leftover: bytes.subarray(length), complete }
}

function readChunks(bytes: Buffer, ended: boolean): Content | undefined {
  const chunks: Buffer[] = []
  const cut = (): Content | undefined =>
    ended ? { body: Buffer.concat(chunks), trailers: [], leftover: NOTHING, complete: false } : undefined
  for (let at = 0; ;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd < 0) return cut()
    const line = bytes.toString('latin1', at, lineEnd)
    const digits = /^[0-9a-f]+(?=;|$)/i.exec(line)?.[0]
    if (digits === undefined) throw new Error(`not a chunk size: ${JSON.stringify(line)}`)
    const size = Number.parseInt(digits, 16)
    const start = lineEnd + 2
    if (size === 0) {
      // The trailer section ends with an empty line; where it is empty, that is the line after the last chunk's.
      const end = bytes.indexOf('\r\n\r\n', lineEnd)
      if (end < 0) return cut()
      const section = bytes.toString('latin1', start, Math.max(start, end))
      const trailers = section === '' ? [] : section.split('\r\n').map(fieldOf)
      return { body: Buffer.concat(chunks), trailers, leftover: bytes.subarray(end + 4), complete: true }
    }
    chunks.push(bytes.subarray(start, start + size))
    at = start + size + 2
    if (at > bytes.length) return cut()
    if (bytes.toString('latin1', at - 2, at) !== '\r\n') throw new Error('a chunk does not end where its size says')
  }
}

function fieldOf(line: string): readonly [name: string, value: string] {
  const colon = line.indexOf(':')
  if (colon < 1) throw new Error(`not a field: ${JSON.stringify(line)}`)
  return [line.slice(0, colon), line.slice(colon + 1).trim()]
}
