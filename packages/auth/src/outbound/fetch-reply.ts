/**
 * Calls to the servers that an operator has named: key servers, introspection. Whatever they do, a call ends in time, reads no
 * more than it was told to, and goes nowhere else: a redirect is an answer like any other, and never followed.
 */
import { ConfigError } from '@sluice/core'
import type { Clock } from '@sluice/wire'

/** What of the global `fetch` is used; one of undici with a dispatcher of its own (a CA, a proxy) serves as well. */
export type FetchFunction = (url: string, init: FetchInit) => Promise<Response>

/** How it is called. */
export interface FetchInit {
  readonly method: 'GET' | 'POST'
  readonly headers: Record<string, string>
  readonly body?: string
  readonly redirect: 'manual'
  readonly signal: AbortSignal
}

/** One call. */
export interface OutboundCall {
  readonly url: string
  readonly method?: 'GET' | 'POST'
  readonly headers?: Record<string, string>
  readonly body?: string
  /** For the whole reply. */
  readonly timeoutMs: number
  readonly maxBytes: number
  readonly clock: Clock
}

/** What came back, whole. */
export interface OutboundReply {
  readonly status: number
  readonly text: string
}

/** Calls, and reads the whole reply. Rejects where there is none, in time and within its size. */
export async function fetchReply(fetchFunction: FetchFunction, call: OutboundCall): Promise<OutboundReply> {
  const { url, method = 'GET', headers = {}, body, timeoutMs, maxBytes, clock } = call
  const controller = new AbortController()
  // An own signal rather than `AbortSignal.timeout`: time is the clock's. And a race: who ignores the signal must not keep us.
  let expire!: (error: Error) => void
  const expired = new Promise<never>((_, reject) => (expire = reject))
  const timer = clock.schedule(timeoutMs, () => {
    const error = new Error(`no reply within ${timeoutMs} ms`)
    controller.abort(error)
    expire(error)
  })
  try {
    const init = { method, headers, redirect: 'manual', signal: controller.signal } as const
    const reply = readWhole(fetchFunction, url, body === undefined ? init : { ...init, body }, maxBytes)
    return await Promise.race([reply, expired])
  } finally {
    timer.cancel()
    // Whatever is left of it is given up.
    controller.abort()
  }
}

async function readWhole(
  fetchFunction: FetchFunction,
  url: string,
  init: FetchInit,
  maxBytes: number,
): Promise<OutboundReply> {
  const { status, body } = await fetchFunction(url, init)
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength
    if (size > maxBytes) throw new Error(`a reply of more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return { status, text: Buffer.concat(chunks, size).toString('utf8') }
}

/**
 * The address of a server that is trusted with keys or credentials: `https:`, or `http:` within this machine or where `allowHttp` says so.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`
 */
export function trustedUrl(value: unknown, allowHttp: boolean, at: string): string {
  const url = typeof value === 'string' ? URL.parse(value) : null
  if (url === null) throw new ConfigError(at, 'must be a URL')
  const problem = urlProblem(url, allowHttp)
  if (problem !== undefined) throw new ConfigError(at, problem)
  return value as string
}

/** What is wrong with it, if anything. */
export function urlProblem(url: URL, allowHttp: boolean): string | undefined {
  if (url.username !== '' || url.password !== '') return 'must not have credentials in it'
  if (url.hash !== '') return 'must not have a fragment'
  if (url.protocol === 'https:') return undefined
  if (url.protocol !== 'http:') return 'must be a URL of https:'
  return allowHttp || isLoopback(url.hostname) ? undefined : 'must be a URL of https: (see allowHttp)'
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}

/** The global one, looked up at each call: tests and instrumentation put others in its place. */
export const globalFetch: FetchFunction = (url, init) => fetch(url, init)
