/** What a call to another host is, and how it can fail: between the guest's side and whoever sends it. */

/** A request as a plugin asks for it. */
export interface OutboundRequest {
  readonly method: string
  readonly url: string
  /** 0: as long as the manifest allows. */
  readonly timeoutMs: number
  /** Name and value by turns. */
  readonly fields: readonly string[]
  readonly body: Uint8Array
}

/** A request that was granted. */
export interface GrantedRequest {
  readonly method: string
  readonly url: URL
  readonly fields: readonly string[]
  readonly body: Uint8Array
  /** Whether addresses outside of the open Internet may be asked. */
  readonly allowPrivate: boolean
  readonly maxReplyBytes: number
  /** Aborted when its time is over or nobody waits for it. */
  readonly signal: AbortSignal
}

/** A reply, whole. */
export interface OutboundReply {
  readonly status: number
  /** Name, in lower case, and value by turns. */
  readonly fields: readonly string[]
  readonly body: Uint8Array
}

/** Why there is none. `address`: the host is, or resolves to, one that may not be asked. */
export type OutboundProblem = 'address' | 'dns' | 'connect' | 'tls' | 'timeout' | 'too-large' | 'protocol' | 'cancelled'

/** What a sender rejects with. */
export class OutboundError extends Error {
  readonly problem: OutboundProblem

  constructor(problem: OutboundProblem, options?: ErrorOptions) {
    super(`the call failed: ${problem}`, options)
    this.name = 'OutboundError'
    this.problem = problem
  }
}

/** Sends what plugins ask for. Follows no redirect. */
export interface OutboundSender {
  /** @throws {OutboundError} */
  send(request: GrantedRequest): Promise<OutboundReply>
  close(): Promise<void>
}
