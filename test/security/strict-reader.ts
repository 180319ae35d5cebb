/**
 * An independent reading of what reached an upstream, by the letter of RFC 9112 and for nothing but that: it accepts only
 * what a careful client would send, and names the first thing that is not so.
 */

/** A request as it arrived. */
export interface StrictRequest {
  readonly method: string
  readonly target: string
  /** Names in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly body: string
  readonly trailers: readonly (readonly [name: string, value: string])[]
}

/** All that reached one connection. */
export interface StrictReading {
  readonly requests: readonly StrictRequest[]
  /** What is wrong with what comes behind them. */
  readonly violation: string | undefined
  /** The head of a request that is not whole. */
  readonly begun: string | undefined
}

const REQUEST_LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ (?:\/[\x21\x22\x24-\x7e]*|\*) HTTP\/1\.1$/
const FIELD_LINE =
  /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:(?: [\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?| ?)$/
const NEVER_SENT = new Set([
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'http2-settings',
  'expect',
  'transfer_encoding',
  'content_length',
])
const NEVER_TRAILERS = new Set([
  'content-length',
  'transfer-encoding',
  'host',
  'authorization',
  'connection',
  'cookie',
  'te',
  'upgrade',
  'expect',
  'keep-alive',
  'x-forwarded-for',
])

class Violation extends Error {}

/** Reads all bytes of a connection. */
export function readStrictly(bytes: string): StrictReading {
  const requests: StrictRequest[] = []
  let at = 0
  try {
    while (at < bytes.length) {
      const read = readRequest(bytes, at)
      if (read === undefined) return { requests, violation: undefined, begun: bytes.slice(at).split('\r\n\r\n', 1)[0] }
      requests.push(read.request)
      at = read.end
    }
  } catch (error) {
    if (!(error instanceof Violation)) throw error
    return { requests, violation: `${error.message}: ${JSON.stringify(bytes.slice(at, at + 2_000))}`, begun: undefined }
  }
  return { requests, violation: undefined, begun: undefined }
}

function readRequest(bytes: string, at: number): { request: StrictRequest; end: number } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n', at)
  if (headEnd < 0) return undefined
  const [requestLine = '', ...lines] = bytes.slice(at, headEnd).split('\r\n')
  if (!REQUEST_LINE.test(requestLine)) throw new Violation('not a request line')
  const fields = lines.map(fieldOf)
  const [method = '', target = ''] = requestLine.split(' ')
  const all = (name: string): string[] => fields.filter(([each]) => each === name).map(([, value]) => value)
  const lengths = all('content-length')
  const codings = all('transfer-encoding')
  if (all('host').length !== 1 || all('host')[0] === '') throw new Violation('not one Host')
  if (lengths.length + codings.length > 1) throw new Violation('framed in more than one way')
  const stray = fields.find(([name]) => NEVER_SENT.has(name))
  if (stray !== undefined) throw new Violation(`"${stray[0]}" was sent on`)
  checkConnection(all('connection'), all('upgrade'), all('te'))
  const content = contentOf(bytes, headEnd + 4, lengths[0], codings[0])
  return (
    content && { request: { method, target, fields, body: content.body, trailers: content.trailers }, end: content.end }
  )
}

/**
 * An upstream's connection may be kept or not, or be asked to switch. The one field that may be named there is the proxy's own
 * `TE: trailers` (RFC 9110, section 10.1.4), and it has to be.
 */
function checkConnection(named: readonly string[], upgrades: readonly string[], te: readonly string[]): void {
  const options = named.map((each) => each.toLowerCase())
  const asksForTrailers = te.length > 0
  if (asksForTrailers && (te.length > 1 || te[0] !== 'trailers' || !options.includes('te')))
    throw new Violation('a TE that is not `trailers`, or that Connection does not name')
  const [option = '', ...others] = asksForTrailers ? options.filter((each) => each !== 'te') : options
  if (others.length > 0 || !['', 'keep-alive', 'close', 'upgrade'].includes(option))
    throw new Violation('a Connection that names fields')
  if (upgrades.some((each) => /h2c/i.test(each))) throw new Violation('a switch to HTTP/2 in the clear')
  if (upgrades.length > 0 && option !== 'upgrade') throw new Violation('an Upgrade without its Connection')
}

type Content = Pick<StrictRequest, 'body' | 'trailers'> & { readonly end: number }

function contentOf(
  bytes: string,
  at: number,
  length: string | undefined,
  coding: string | undefined,
): Content | undefined {
  if (coding !== undefined) {
    if (coding !== 'chunked') throw new Violation('a coding that is not "chunked"')
    return chunksOf(bytes, at)
  }
  if (length === undefined) return { body: '', trailers: [], end: at }
  if (!/^(?:0|[1-9][0-9]{0,14})$/.test(length)) throw new Violation('not a length')
  const end = at + Number(length)
  return end > bytes.length ? undefined : { body: bytes.slice(at, end), trailers: [], end }
}

function chunksOf(bytes: string, from: number): Content | undefined {
  let body = ''
  for (let at = from; ;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const line = bytes.slice(at, lineEnd)
    if (!/^(?:0|[1-9a-f][0-9a-f]{0,8})$/.test(line))
      throw new Violation(`not a plain chunk size: ${JSON.stringify(line)}`)
    const size = Number.parseInt(line, 16)
    const start = lineEnd + 2
    if (size === 0) {
      const end = bytes.indexOf('\r\n\r\n', lineEnd)
      if (end < 0) return undefined
      const trailers = end === lineEnd ? [] : bytes.slice(start, end).split('\r\n').map(fieldOf)
      const stray = trailers.find(([name]) => NEVER_TRAILERS.has(name))
      if (stray !== undefined) throw new Violation(`"${stray[0]}" as a trailer`)
      return { body, trailers, end: end + 4 }
    }
    at = start + size + 2
    if (at > bytes.length) return undefined
    if (bytes.slice(at - 2, at) !== '\r\n') throw new Violation('a chunk does not end where its size says')
    body += bytes.slice(start, start + size)
  }
}

function fieldOf(line: string): readonly [name: string, value: string] {
  if (!FIELD_LINE.test(line)) throw new Violation(`not a field: ${JSON.stringify(line)}`)
  const colon = line.indexOf(':')
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
}
