/**
 * Sends calls of plugins with undici. Names are resolved here and the address that was checked is the one that is dialled: a
 * name that resolves to another one a moment later gains nothing.
 */
import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { Agent, request as undiciRequest } from 'undici'
import {
  type GrantedRequest,
  OutboundError,
  type OutboundProblem,
  type OutboundReply,
  type OutboundSender,
} from './outbound.ts'
import { isPublicAddress } from './public-address.ts'

/** Resolves a name to all its addresses. */
export type ResolveHost = (
  hostname: string,
  callback: (error: Error | null, addresses: readonly LookupAddress[]) => void,
) => void

const MAX_CONNECTIONS = 32
const CONNECT_TIMEOUT_MS = 5_000
const KEEP_ALIVE_MS = 10_000
const MAX_HEADER_BYTES = 16_384

const resolveBySystem: ResolveHost = (hostname, callback) => systemLookup(hostname, { all: true }, callback)

/** Makes a sender. `resolveHost` is for tests and for other ways to resolve names. */
export function undiciSender(resolveHost: ResolveHost = resolveBySystem): OutboundSender {
  return new UndiciSender(resolveHost)
}

class UndiciSender implements OutboundSender {
  readonly #resolveHost: ResolveHost
  #publicOnly: Agent | undefined
  #anywhere: Agent | undefined

  constructor(resolveHost: ResolveHost) {
    this.#resolveHost = resolveHost
  }

  async send(request: GrantedRequest): Promise<OutboundReply> {
    const { url, signal, allowPrivate } = request
    const hostname = url.hostname.replace(/^\[|\]$/g, '')
    // No name, so nothing is looked up and nobody would check it.
    if (!allowPrivate && isIP(hostname) !== 0 && !isPublicAddress(hostname)) throw new OutboundError('address')
    try {
      const { statusCode, headers, body } = await undiciRequest(url, {
        dispatcher: this.#agent(allowPrivate),
        method: request.method as 'GET',
        headers: [...request.fields],
        // undici would send a length of 0 for an empty one, which a GET need not have.
        body: request.body.length === 0 ? null : request.body,
        signal,
      })
      const chunks: Uint8Array[] = []
      let size = 0
      for await (const chunk of body as AsyncIterable<Uint8Array>) {
        size += chunk.length
        if (size > request.maxReplyBytes) throw new OutboundError('too-large')
        chunks.push(chunk)
      }
      return { status: statusCode, fields: flat(headers), body: Buffer.concat(chunks, size) }
    } catch (error) {
      throw problemOf(error, signal)
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#publicOnly?.destroy(), this.#anywhere?.destroy()])
    this.#publicOnly = this.#anywhere = undefined
  }

  #agent(allowPrivate: boolean): Agent {
    if (allowPrivate) return (this.#anywhere ??= newAgent(checkedLookup(this.#resolveHost, () => true)))
    return (this.#publicOnly ??= newAgent(checkedLookup(this.#resolveHost, isPublicAddress)))
  }
}

function newAgent(lookup: LookupFunction): Agent {
  return new Agent({
    connect: { lookup, timeout: CONNECT_TIMEOUT_MS },
    connections: MAX_CONNECTIONS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    pipelining: 1,
  })
}

/** One address that is not allowed is enough: a name that mixes them is meant to get past a check. */
function checkedLookup(resolveHost: ResolveHost, isAllowed: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    resolveHost(hostname, (error, addresses) => {
      if (error !== null) return callback(error, '')
      const [first] = addresses
      if (first === undefined || !addresses.every(({ address }) => isAllowed(address)))
        return callback(new OutboundError('address'), '')
      if (options.all === true) return callback(null, [...addresses])
      callback(null, first.address, first.family)
    })
  }
}

function flat(headers: Readonly<Record<string, string | string[] | undefined>>): string[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value ?? '']).flatMap((each) => [name.toLowerCase(), each]),
  )
}

function problemOf(error: unknown, signal: AbortSignal): OutboundError {
  const known = [signal.reason, error, (error as Error | undefined)?.cause].find(
    (each): each is OutboundError => each instanceof OutboundError,
  )
  if (known !== undefined) return known
  return new OutboundError(problemByCode(codeOf(error)), { cause: error })
}

function codeOf(error: unknown): string {
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [error]
  const code = (first as { readonly code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : ''
}

function problemByCode(code: string): OutboundProblem {
  if (code === 'ENOTFOUND' || code.startsWith('EAI_')) return 'dns'
  if (code.includes('CERT') || code.startsWith('ERR_TLS') || code.startsWith('ERR_SSL') || code.startsWith('UNABLE_TO'))
    return 'tls'
  if (/^E[A-Z]+$/.test(code) || code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'UND_ERR_SOCKET') return 'connect'
  if (code.endsWith('TIMEOUT')) return 'timeout'
  return 'protocol'
}
