/**
 * The streams of a connection, from their heads to their ends, and how many of them a turn of the event loop looks after: a few begin,
 * and of a connection that ends a few are broken off. Others are served in between.
 */
import type { Clock } from '../clock.ts'
import type { Http2Stream } from './http2-stream.ts'
import { mayBegin } from './turn-end.ts'

/** Requests of one connection that begin in one turn; the others wait for the next. */
const BEGIN_PER_TURN = 8
/** Those of a connection that ends, and are broken off in one turn. */
const ABANDON_PER_TURN = 16

export interface StreamsOwner {
  readonly clock: Clock
  /** Hands the request over. May not throw. */
  begin(stream: Http2Stream): void
  /** What it has been told has thrown. */
  failed(error: unknown, stream: Http2Stream): void
  /** There is something to do at the end of this turn. */
  wake(): void
}

export class OpenStreams {
  /** How many have begun so far. */
  begun = 0
  readonly #owner: StreamsOwner
  readonly #streams = new Map<number, Http2Stream>()
  /** Those that have not begun. */
  #waiting: Http2Stream[] = []
  /** Their replies are out, and their clients still send; those of this turn, and of the one before. */
  #lingering: Http2Stream[] = []
  #lingered: Http2Stream[] = []
  #begunInTurn = 0

  constructor(owner: StreamsOwner) {
    this.#owner = owner
  }

  get size(): number {
    return this.#streams.size
  }

  get(id: number): Http2Stream | undefined {
    return this.#streams.get(id)
  }

  /** It begins when it is its turn. */
  add(stream: Http2Stream): void {
    this.#streams.set(stream.id, stream)
    this.#waiting.push(stream)
  }

  delete(stream: Http2Stream): void {
    this.#streams.delete(stream.id)
  }

  /** Begins what waits, as far as this turn allows. */
  beginWaiting(): void {
    const before = this.begun
    while (this.#waiting.length > 0 && this.#mayBegin) {
      const stream = this.#waiting.shift()!
      // Taken back in the meantime.
      if (stream.isClosed) continue
      this.begun++
      this.#begunInTurn++
      stream.hasBegun = true
      this.#owner.begin(stream)
    }
    if (this.#waiting.length > 0 || this.begun > before) this.#owner.wake()
  }

  /** Its reply is out, and its client still sends. */
  linger(stream: Http2Stream): void {
    this.#lingering.push(stream)
    this.#owner.wake()
  }

  /** Another turn. Clients that have had one to stop sending are told to. */
  turn(): void {
    this.#begunInTurn = 0
    if (this.#lingering.length === 0 && this.#lingered.length === 0) return
    const over = this.#lingered
    this.#lingered = this.#lingering
    this.#lingering = []
    for (const stream of over) stream.stopClient()
    if (this.#lingered.length > 0) this.#owner.wake()
  }

  /** Looks at their timeouts. */
  check(now: number): void {
    for (const stream of this.#streams.values()) this.#tell(stream, () => stream.check(now))
  }

  /** The client's window for each moves by so much; `false` where one becomes larger than windows are. */
  widen(bytes: number): boolean {
    for (const stream of this.#streams.values()) if (!stream.widen(bytes)) return false
    return true
  }

  /** Breaks off what is under way, a few at a time: each may have an attempt that has to be given up. Says whether all are gone. */
  abandonSome(): boolean {
    this.#waiting = []
    let left = ABANDON_PER_TURN
    for (const stream of this.#streams.values()) {
      if (left-- === 0) {
        this.#owner.wake()
        return false
      }
      this.#tell(stream, () => stream.abandon('the connection has ended'))
    }
    return true
  }

  /** Each connection may begin one in each turn, whatever the others do. */
  get #mayBegin(): boolean {
    if (this.#begunInTurn >= BEGIN_PER_TURN) return false
    return mayBegin(this.#owner.clock) || this.#begunInTurn === 0
  }

  #tell(stream: Http2Stream, call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#owner.failed(error, stream)
    }
  }
}
