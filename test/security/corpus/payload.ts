/** What a payload is, and the pieces that many of them share. */

/**
 * What the proxy's own engine must make of it:
 * - `refused`: an error, and the connection closed; nothing whole reaches the upstream
 * - `single`: the one intended request is answered, and whatever else there is never becomes one
 * - `either`: one of the two
 * - `unfinished`: it waits for more, and what has come never becomes a request
 */
export type Outcome = 'refused' | 'single' | 'either' | 'unfinished'

/** Raw bytes of one connection. `0000` stands for the payload's number. */
export interface Payload {
  readonly name: string
  /** As latin1. */
  readonly bytes: string
  readonly outcome: Outcome
  /** Of the one answer, on the proxy's own engine. @default 200 where it is answered, any 4xx or 5xx where it is refused */
  readonly status?: number
  /** Requests that are meant, and answered. @default 1 */
  readonly answers?: number
  /** Whether an engine that reads larger numbers waits for more, where ours refuses. @default false */
  readonly mayBeAwaited?: boolean
}

/** Payloads that try the same thing. */
export interface PayloadClass {
  readonly name: string
  readonly payloads: readonly Payload[]
}

export const INTENDED = '/intended-0000'
/** The request that must never be one. */
export const HIDDEN = 'GET /smuggled-0000 HTTP/1.1\r\nHost: a.test\r\n\r\n'
/** The same within the last chunk of a body, as a receiver would see it that stops at the zero. */
export const ZERO_AND_HIDDEN = `0\r\n\r\n${HIDDEN}`

/** A request: `lines` between the Host field and the empty line, each with its own end. */
export function request(lines: string, body = '', method = 'POST', version = '1.1'): string {
  return `${method} ${INTENDED} HTTP/${version}\r\nHost: a.test\r\n${lines}\r\n${body}`
}

/** One payload for each variant of the bytes that it is about. */
export function variants(
  name: string,
  list: readonly string[],
  bytes: (variant: string) => string,
  outcome: Outcome = 'refused',
): Payload[] {
  return list.map((variant) => ({ name: `${name}: ${JSON.stringify(variant)}`, bytes: bytes(variant), outcome }))
}
