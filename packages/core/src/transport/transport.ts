/**
 * What carries an attempt to a target and brings the reply back. Callbacks, not promises: one object observes an attempt
 * from its connection to its last byte, and nothing is allocated between.
 */
import type { HeaderList, RequestMessage } from '@sluice/wire'
import type { AnyProxyError } from '../errors.ts'
import type { Reply } from '../reply.ts'
import type { Target } from '../upstream/target.ts'

/**
 * One attempt's request: what the engine sends, and what only a transport needs to know. Its `headers` are end-to-end fields
 * and `Host`; framing fields among them are the transport's to correct from the body.
 */
export interface TransportRequest extends RequestMessage {
  /** Longest wait for a connection; 0 for the transport's own limit alone. */
  readonly connectTimeoutMs?: number
  /** Must go over a connection that has served nothing before: the attempt repeats one that a stale connection lost. */
  readonly freshConnection: boolean
  /** Whether trailer fields of the reply get to the client, who has asked for them (`TE: trailers`; RFC 9110, section 10.1.4). */
  readonly acceptsTrailers?: boolean
}

/** Learns what becomes of an attempt. */
export interface TransportObserver {
  /** A 1xx reply other than 100 and 101 has come. */
  informational(status: number, headers: HeaderList): void
  /**
   * The head has come. Fields are as received; the body flows once it is read. `isWhole` says that the body is all in memory
   * and the attempt is complete: then this was the last call, in the place of `done`.
   */
  reply(reply: Reply, isWhole?: boolean): void
  /** The last call, exactly once: the reply is complete, or the attempt has failed. A body in flow was aborted before. */
  done(error: AnyProxyError | undefined): void
}

/** The handle on an attempt under way. */
export interface TransportCall {
  /** Whether its connection may have served a request before. */
  readonly reused: boolean
  /** Gives it up and frees its connection at once. `done` is still called. Harmless after the end. */
  cancel(error: AnyProxyError): void
}

/** How many connections to a target there are. */
export interface TransportStats {
  readonly connected: number
  readonly active: number
  readonly pending: number
}

/** Connections to the targets of one upstream. */
export interface Transport {
  readonly name: string
  send(target: Target, request: TransportRequest, observer: TransportObserver): TransportCall
  stats(target: Target): TransportStats
  /**
   * The target may be picked from now on: connections that are to be kept ready can be opened, in the background. Called
   * again and again, so it is cheap where nothing is missing.
   */
  warmUp?(target: Target): void
  /**
   * The target is gone, or gets nothing for a while, and nothing is under way there: its connections can be closed. Another
   * attempt, or `warmUp`, begins afresh.
   */
  forget?(target: Target): void
  /** Closes what is idle, waits for what is under way, and refuses the rest. */
  close(): Promise<void>
  /** Closes everything at once. */
  destroy(): Promise<void>
}
