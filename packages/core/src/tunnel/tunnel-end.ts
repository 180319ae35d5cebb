/**
 * One end of a tunnel, as two small interfaces in place of a stream: bytes go from a read to a write without an event, a
 * buffer list or a promise between. Whoever wants to see or change what passes puts an end of its own around one.
 */

/** Gets what comes from an end. */
export interface TunnelReader {
  /** Bytes have come; they are the reader's own. `false` asks for a pause, until {@link TunnelEnd.resume}. */
  bytes(chunk: Buffer): boolean
  /** There is room again, after a {@link TunnelEnd.write} that returned `false`. */
  drained(): void
  /** The peer has ended its side in order, and nothing more comes. */
  ended(): void
  /** The connection is gone: the last call. One that was not `ended` before has broken. */
  closed(error: Error | undefined): void
}

/** What a tunnel is made of: the client's end, and the target's. */
export interface TunnelEnd {
  /** Begins to read; what has come before is not lost. Called once. */
  open(reader: TunnelReader): void
  /** Hands bytes over. `false` asks to wait until {@link TunnelReader.drained}. */
  write(chunk: Buffer): boolean
  /** Goes on after a reader that returned `false`. Harmless otherwise. */
  resume(): void
  /** Ends the writing side behind what was written. `flushed` is called when the last byte has left. */
  end(flushed?: () => void): void
  /** Breaks off, so that the peer can't take what it has for complete. */
  reset(): void
  /** Closes at once. */
  destroy(): void
  /** The proxy closes in `withinMs` milliseconds: an end that knows how can say goodbye until then. */
  drain?(withinMs: number): void
}
