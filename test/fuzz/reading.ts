/** What a reader made of the bytes of a connection: the terms in which two readers are compared. */

/** One message, bytes as latin1 characters. */
export interface ReadMessage {
  /** Method and target, or the status: what the first line said. */
  readonly start: string
  /** `[name, value, ...]` in order, as spelt. */
  readonly fields: readonly string[]
  body: string
  trailers: readonly string[]
  /** Whether it came to its end. */
  isComplete: boolean
}

/** All of a connection. */
export interface Reading {
  readonly messages: ReadMessage[]
  /** Whether the reader said that something is wrong; what is behind that place it did not read. */
  isRefused: boolean
  /** Whether the reader stopped for a good reason, such as a `Connection: close`: the rest is nobody's. */
  isClosed: boolean
}

export function emptyReading(): Reading {
  return { messages: [], isRefused: false, isClosed: false }
}

export function readMessage(start: string, fields: readonly string[]): ReadMessage {
  return { start, fields, body: '', trailers: [], isComplete: false }
}
