/** One request over an HTTP/2 connection of its own. */
import { once } from 'node:events'
import { type ClientHttp2Session, connect, constants } from 'node:http2'
import type { CaseRequest } from './behaviour-case.ts'
import { BodyCollector, type Field, fieldsOf, type Observed, type Watch } from './entry.ts'

const TIMEOUT_MS = 5_000

/** HTTP/2 has none of them: where a client would say them in HTTP/1.1, it leaves them out. */
const CONNECTION_FIELDS = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
])

/** Sends a request to `origin`, and reads the final response. `ca` is who vouches for the server. */
export async function sendOverHttp2(
  origin: string,
  ca: string | undefined,
  request: CaseRequest,
  watch: Watch | undefined,
): Promise<Observed> {
  const session = connect(origin, ca === undefined ? {} : { ca })
  try {
    // What goes wrong with the connection its stream says as well.
    session.on('error', () => {})
    return await exchange(session, request, watch)
  } finally {
    session.destroy()
  }
}

async function exchange(
  session: ClientHttp2Session,
  request: CaseRequest,
  watch: Watch | undefined,
): Promise<Observed> {
  const { body, chunks } = request
  const stream = session.request(headOf(request), { endStream: body === undefined && chunks === undefined })
  stream.setTimeout(TIMEOUT_MS, () => stream.destroy(new Error(`no response within ${TIMEOUT_MS} ms`)))
  // A response may be there before all of the request is.
  stream.on('error', () => {})
  for (const chunk of chunks ?? (body === undefined ? [] : [body])) stream.write(chunk)
  stream.end()
  const arriving = new BodyCollector(watch)
  let trailers: Field[] = []
  stream.on('data', (chunk: Buffer) => arriving.add(chunk))
  stream.on('trailers', (_fields, _flags, raw) => (trailers = pairs(raw)))
  const ended = once(stream, 'end')
  ended.catch(() => {})
  // The head alone may be what is waited for.
  stream.once('response', () => arriving.add(Buffer.alloc(0)))
  const [, , raw] = (await once(stream, 'response')) as [unknown, unknown, string[]]
  await ended
  if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) throw new Error(`the response broke off: ${stream.rstCode}`)
  const headers = pairs(raw)
  const status = Number(headers.find(([name]) => name === ':status')![1])
  return { status, headers, body: arriving.body, trailers }
}

/** As a list, so that fields keep their order, and those that are there twice stay two. */
function headOf(request: CaseRequest): Record<string, string> {
  const { method = 'GET', path, host = 'gateway.test' } = request
  const head = [':method', method, ':scheme', 'https', ':authority', host, ':path', path]
  for (const [name, value] of fieldsOf(request)) {
    const key = name.toLowerCase()
    if (key !== 'host' && !CONNECTION_FIELDS.has(key)) head.push(key, value)
  }
  // The types do not know lists yet.
  return head as unknown as Record<string, string>
}

function pairs(flat: readonly string[]): Field[] {
  return flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1]!] as const] : []))
}
