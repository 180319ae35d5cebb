/** What a server decides for its connections of HTTP/2, and what they tell it. */
import type { Clock } from '../clock.ts'
import type { AbuseBounds, Http2Abuse } from './abuse.ts'
import type { Http2ServerConnection } from './http2-server-connection.ts'
import type { Http2Stream } from './http2-stream.ts'
import type { FieldBounds } from './request-fields.ts'

/** Options of a connection; all durations in milliseconds, 0 for none. */
export interface Http2ConnectionOptions extends FieldBounds, AbuseBounds {
  /** Requests under way; further ones are refused, and may be sent again. */
  readonly maxConcurrentStreams: number
  /** What a client may send of one body before anybody has read it, and of all of them together. */
  readonly streamWindowBytes: number
  readonly connectionWindowBytes: number
  /** What may wait to be sent; further requests are refused then. */
  readonly maxQueuedBytes: number
  /** From the first byte of a frame or of a head to its last. */
  readonly headTimeoutMs: number
  /** Longest silence within a request's body. */
  readonly bodyIdleTimeoutMs: number
  /** From a head to the end of its body. */
  readonly requestTimeoutMs: number
  /** Longest time in which a client takes nothing of what waits for it. */
  readonly sendTimeoutMs: number
  /** How long a connection without a request is kept, also before the first. */
  readonly idleTimeoutMs: number
  /** After so many requests the connection is retired. 0 for no limit. */
  readonly maxRequests: number
  /** After this time the connection is retired. */
  readonly maxAgeMs: number
  /** How often a connection's timeouts are looked at while it is busy: they may be late by this. */
  readonly sweepMs: number
}

/** What a server does with its connections. */
export interface Http2Owner {
  readonly clock: Clock
  readonly options: Http2ConnectionOptions
  /** The value of `Date`. */
  readonly date: string
  /** A request has come; its reply is given with `respond`, once. */
  request(stream: Http2Stream): void
  /** A callback of the owner's side has thrown; the stream was reset, or the connection where it was none of a stream's. */
  failed(error: unknown, stream: Http2Stream | undefined): void
  /** The client does something too often, and is sent away with GOAWAY. */
  refused(connection: Http2ServerConnection, abuse: Http2Abuse): void
  closed(connection: Http2ServerConnection): void
}
