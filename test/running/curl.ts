import { once } from 'node:events'
/**
 * Does what a `curl` line says, without curl: a clean machine need not have it, and a test wants to see when chunks arrive.
 * Knows the few options that the examples use, `[1-4]` in a URL, and with `-b ''` cookies from one of these to the next.
 */
import { Agent, type IncomingMessage, request } from 'node:http'

/** A line as it stands in a comment or was printed. */
export interface CurlLine {
  readonly text: string
  /** What stands behind `#`: the statuses to expect. */
  readonly statuses: readonly number[]
}

/** What came back. */
export interface CurlReply {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
  /** The body as it arrived. */
  readonly chunks: readonly string[]
}

interface CurlRequest {
  method: string
  readonly headers: Record<string, string>
  body: string
  url: string
  /** Whether cookies that come are sent back. */
  hasCookies: boolean
}

/** The lines of a text that are `curl` commands, in order, comment signs left out. */
export function curlLines(text: string): CurlLine[] {
  return [...text.matchAll(/^[ *]*(curl .*?)(?:\s+#((?: \d{3})+))?$/gm)].map(([, line, statuses]) => ({
    text: line!,
    statuses: (statuses ?? '').trim().split(' ').filter(Boolean).map(Number),
  }))
}

/** Does what the line says, to `origin` in place of the line's own; one reply for each URL it stands for. */
export async function curl(line: CurlLine, origin: string, onChunk?: (text: string) => void): Promise<CurlReply[]> {
  const { url, hasCookies, ...rest } = parse(line.text)
  const replies: CurlReply[] = []
  // As curl does: one after the other, over one connection.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  try {
    for (const each of expand(url)) {
      const { pathname, search } = new URL(each)
      const reply = await send({ ...rest, url: `${origin}${pathname}${search}` }, agent, onChunk)
      const cookies = reply.headers['set-cookie']?.map((cookie) => cookie.split(';', 1)[0])
      if (hasCookies && cookies !== undefined) rest.headers.Cookie = cookies.join('; ')
      replies.push(reply)
    }
  } finally {
    agent.destroy()
  }
  return replies
}

function parse(line: string): CurlRequest {
  const words = [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? match[3]!)
  const parsed: CurlRequest = { method: '', headers: {}, body: '', url: '', hasCookies: false }
  for (let i = 1; i < words.length; i++) {
    const word = words[i]!
    if (word === '-X') parsed.method = words[++i]!
    else if (word === '-d') parsed.body = words[++i]!
    else if (word === '-b' && words[++i] === '') parsed.hasCookies = true
    else if (word === '-H') {
      const [, name, value] = /^([^:]*):\s*(.*)$/.exec(words[++i]!)!
      parsed.headers[name!] = value!
    } else if (word === '-u') parsed.headers.Authorization = `Basic ${btoa(words[++i]!)}`
    else if (word.startsWith('http')) parsed.url = word
    else if (word !== '-i' && word !== '-N') throw new Error(`what is "${word}" in: ${line}`)
  }
  if (parsed.url === '') throw new Error(`there is no URL in: ${line}`)
  parsed.method ||= parsed.body === '' ? 'GET' : 'POST'
  return parsed
}

function expand(url: string): string[] {
  const range = /\[(\d+)-(\d+)\]/.exec(url)
  if (range === null) return [url]
  const [text, first, last] = range
  const numbers = Array.from({ length: Number(last) - Number(first) + 1 }, (_, i) => Number(first) + i)
  return numbers.map((number) => url.replace(text, String(number)))
}

async function send(
  { method, headers, body, url }: Omit<CurlRequest, 'hasCookies'>,
  agent: Agent,
  onChunk: ((text: string) => void) | undefined,
): Promise<CurlReply> {
  const outgoing = request(url, { method, headers, agent })
  outgoing.end(body)
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  // From here on the response says it when the connection breaks.
  outgoing.on('error', () => {})
  const chunks: string[] = []
  for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
    chunks.push(chunk)
    onChunk?.(chunk)
  }
  return { status: response.statusCode!, headers: response.headers, body: chunks.join(''), chunks }
}
