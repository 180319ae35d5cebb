/** What a hostile upstream can do: plain data, one kind of misbehaviour each. */

/** How a connection is left. `hold`: open and silent. `fin`: closed in order. `reset`: torn down with a RST. */
export type Leave = 'hold' | 'fin' | 'reset'

/**
 * A misbehaviour. Unless it says otherwise, it starts when the first request's head has arrived, is repeated on every
 * connection, and whatever else arrives is read and kept.
 */
export type HostileBehaviour =
  /** The port is held, but nothing listens there: connecting fails with ECONNREFUSED. */
  | { readonly kind: 'refuse' }
  /**
   * Connecting neither succeeds nor fails: the queue of a listener that never accepts is full, so the kernel drops each
   * SYN. True of Linux and macOS; elsewhere the kernel may refuse instead. Takes some 50 ms to set up, and a thread.
   */
  | { readonly kind: 'hang-connect' }
  /** Accepts and reads, and never says a word. */
  | { readonly kind: 'accept-and-hang' }
  /** Accepts, and resets at once: connecting may still fail with ECONNRESET, or succeed and be reset before a byte. */
  | { readonly kind: 'reset-on-accept' }
  | { readonly kind: 'reset-after-head-received' }
  /** Sends `head`, the beginning of one, then resets. @default a status line and half a field */
  | { readonly kind: 'reset-mid-head'; readonly head?: string }
  /** `Content-Length: 1000`, ten bytes, then a RST. */
  | { readonly kind: 'reset-mid-body' }
  /** `Content-Length: 1000`, ten bytes, then a FIN. */
  | { readonly kind: 'fin-mid-body' }
  /** A chunk of ten bytes that has five, then a FIN. */
  | { readonly kind: 'fin-mid-chunk' }
  /** A chunk that is whole, then a FIN in place of the last chunk. */
  | { readonly kind: 'fin-between-chunks' }
  /** `Content-Length: 1000`, ten bytes, then silence. */
  | { readonly kind: 'stall-mid-body' }
  /** The content is one byte shorter than its `Content-Length`, then a FIN. */
  | { readonly kind: 'short-content-length' }
  /** The content is longer than its `Content-Length`: `surplus` follows it at once. @default 'surplus' */
  | { readonly kind: 'long-content-length'; readonly surplus?: string }
  /** A complete reply, and at once another, which nobody asked for. */
  | { readonly kind: 'second-head' }
  /** @default 'HTTP/1.1 2x0 OK' */
  | { readonly kind: 'bad-status-line'; readonly line?: string }
  /** A head of at least `bytes` bytes, in fields of 1,000. @default 1_048_576 */
  | { readonly kind: 'huge-head'; readonly bytes?: number }
  | { readonly kind: 'content-length-and-chunked' }
  /** What stands for a chunk's size. @default '5;\n' */
  | { readonly kind: 'bad-chunk-size'; readonly size?: string }
  /** A good reply, of which the head or the body comes one byte each `everyMs`. @default 10 */
  | { readonly kind: 'drip'; readonly part: 'head' | 'body'; readonly everyMs?: number }
  /**
   * A good keep-alive reply; then the connection is left, once idle for `afterMs` (0: right after the reply), or at the
   * moment that a second request arrives on it. @default fin, 0
   */
  | {
      readonly kind: 'close-idle-after-reply'
      readonly when: 'idle' | 'second-request'
      readonly leave?: 'fin' | 'reset'
      readonly afterMs?: number
    }
  /**
   * Accepts and never reads: the kernel's buffers fill up, then the sender has to wait. It does not notice either that the
   * sender closes in order, so its connection stays open until a RST or `close()`.
   */
  | { readonly kind: 'never-reads' }
  /** Sends these bytes (text as latin1) to each request's head. @default hold */
  | { readonly kind: 'raw'; readonly bytes: string | Uint8Array; readonly leave?: Leave }
  /** Answers with this status as soon as the head is there, closes, and reads nothing of the body. @default 413 */
  | { readonly kind: 'early-response'; readonly status?: number }
