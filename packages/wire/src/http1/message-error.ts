/** What a message does wrong. A parser refuses what is ambiguous; whoever reads the refusal gets one of these. */

/**
 * - `malformed`: breaks the grammar, or can be framed in more than one way
 * - `target-too-long`, `head-too-large`, `too-many-fields`, `trailers-too-large`, `chunk-line-too-long`: over a limit
 * - `timeout`: the rest of a body did not come in time
 * - `version`: not HTTP/1.0 or HTTP/1.1
 */
export type MessageFault =
  | 'malformed'
  | 'target-too-long'
  | 'head-too-large'
  | 'too-many-fields'
  | 'trailers-too-large'
  | 'chunk-line-too-long'
  | 'timeout'
  | 'version'

/** Thrown by the parsers. The connection it came from can't be used any further. */
export class MessageError extends Error {
  readonly code = 'ERR_SLUICE_MESSAGE'
  readonly fault: MessageFault

  constructor(fault: MessageFault, message: string) {
    super(message)
    this.name = 'MessageError'
    this.fault = fault
  }
}
