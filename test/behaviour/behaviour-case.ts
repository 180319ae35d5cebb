/**
 * The shape of the table: what a client sends, how the upstream answers, what the client and the upstream must have seen.
 * A case uses only what every entry can express; what only bytes can express stands in the raw cases.
 */
import { createUpstream, type Proxy, type ProxyErrorCode, type Transport } from '@sluice/core'
import type { Answer, RecordedRequest } from '@sluice/testing'

/** A proxy, whatever state its middlewares set. */
export type AnyProxy = Pick<
  Proxy,
  'listen' | 'nodeHandler' | 'fetch' | 'fetchMatched' | 'inject' | 'inFlight' | 'close'
>

/** What a proxy can be built in front of. */
export interface Site {
  /** URL of the upstream that records, and answers as the case says. */
  readonly upstream: string
  /** URL of a port that refuses connections. */
  readonly refused: string
  /** URL of an upstream that answers everything with a status and a reason that no standard knows. */
  readonly odd: string
  /** The version of HTTP that they speak. */
  readonly targetVersion: '1.1' | '2.0'
  /** Makes an upstream, on the transport under test. */
  readonly createUpstream: typeof createUpstream
}

/** The maker of upstreams on one transport. */
export function upstreamsOn(createTransport: () => Transport): typeof createUpstream {
  return (name, options) => createUpstream(name, { transport: createTransport(), ...options })
}

/** What a client sends. */
export interface CaseRequest {
  /** @default 'GET' */
  readonly method?: string
  /** The request target. */
  readonly path: string
  /** Beside `Host` and the framing fields. @default [] */
  readonly headers?: readonly (readonly [name: string, value: string])[]
  /** @default 'gateway.test' */
  readonly host?: string
  /** Sent with its length. */
  readonly body?: string | Uint8Array
  /** Sent in chunks, without a length. */
  readonly chunks?: readonly string[]
}

/**
 * What a field must be: this text (several values joined with ", "), these values in this order, matching, not matching,
 * or absent (`null`).
 */
export type FieldCheck = string | readonly string[] | RegExp | { readonly not: RegExp } | null

/** How the clients of an entry come. */
export interface Arrival {
  readonly scheme: 'http' | 'https'
  /** As `Via` has it. */
  readonly httpVersion: '1.1' | '2.0'
}

/** Fields by name. */
export type FieldChecks = Readonly<Record<string, FieldCheck | ((site: Site, arrival: Arrival) => FieldCheck)>>

/** A request as the upstream must have got it. */
export interface ExpectedRequest {
  readonly method?: string
  readonly path?: string
  readonly headers?: FieldChecks
  readonly body?: string | Uint8Array
}

/** The outcome of a case. */
export interface Expected {
  /** One of these. */
  readonly status: number | readonly number[]
  readonly headers?: FieldChecks
  readonly body?: string | Uint8Array
  /** The body is a problem document with this code. */
  readonly code?: ProxyErrorCode
  /** What the body must not contain. */
  readonly bodyOmits?: readonly RegExp[]
  /** Looked at where the entry can show trailers. */
  readonly trailers?: Readonly<Record<string, string>>
  /** No route matches: a framework goes on to its own 404, a proxy on its own answers `ERR_SLUICE_NO_ROUTE`. */
  readonly isUnmatched?: boolean
  /** Each request that the upstream got, in order; `any` where it depends on timing how much of it arrived. */
  readonly upstream: readonly ExpectedRequest[] | 'any'
}

/** One row. */
export interface BehaviourCase {
  readonly name: string
  readonly request: CaseRequest
  /** @default echo. `seen` resolves once the client has read {@link watchFor}. */
  readonly answer?: (request: RecordedRequest, seen: Promise<void>) => Answer
  /** A text in the reply's body that the client waits for before it lets `seen` resolve; empty for the head alone. */
  readonly watchFor?: string
  /** Waits for a timeout: begun before all others, alone in its group. @default false */
  readonly isSlow?: boolean
  /** Says something by the `Connection` field, which HTTP/2 has not. @default false */
  readonly needsConnectionFields?: boolean
  /** Its upstream says what only HTTP/1.1 can say. @default false */
  readonly needsHttp1Target?: boolean
  readonly expected: Expected
}

/** Rows that share a proxy. */
export interface BehaviourGroup {
  readonly name: string
  proxy(site: Site): AnyProxy
  readonly cases: readonly BehaviourCase[]
}
