/**
 * The second table: what only bytes can express. It runs over the two entries that put nothing between the client's bytes
 * and the proxy: its own listener and a bare `http.Server`.
 */
import type { Answer, RecordedRequest } from '@sluice/testing'
import type { AnyProxy, ExpectedRequest, FieldChecks, Site } from './behaviour-case.ts'

/** A response as the client must get it. */
export interface ExpectedResponse {
  /** One of these. */
  readonly status: number | readonly number[]
  readonly headers?: FieldChecks
  readonly body?: string | RegExp
}

/** One row. */
export interface RawCase {
  readonly name: string
  /** Sent at once, as latin1. */
  readonly bytes: string
  /** Sent when the first response, an interim one, has come. */
  readonly continuation?: string
  /** @default echo */
  readonly answer?: (request: RecordedRequest) => Answer
  /** In order, interim ones too. Empty where the connection is closed without a word. */
  readonly responses: readonly ExpectedResponse[]
  /** Where a bare `http.Server` answers itself, before the handler is asked. @default responses */
  readonly bareResponses?: readonly ExpectedResponse[]
  /** The connection is closed behind the last response. @default false */
  readonly closes?: boolean
  /** What the upstream got, in order; what did not arrive whole does not count. */
  readonly upstream: readonly ExpectedRequest[]
}

/** Rows that share a proxy. */
export interface RawGroup {
  readonly name: string
  proxy(site: Site): AnyProxy
  readonly cases: readonly RawCase[]
}
