/**
 * The streams of a connection, from their heads to their ends, and how many of them a turn of the event loop looks after: a few begin,
 * and of a connection that ends a few are broken off. Others are served in between.
 */
import type { Clock } from '../clock.ts'
import type { Http2Stream } from './http2-stream.ts'
import { hasTime } from './turn-end.ts'

/** Requests of one connection that begin in one turn; the others wait for the next. */
const BEGIN_PER_TURN = 8
/** Requests of a client that allows no reply are under way at the same time: each may hold a connection to a target, and what was read from it. */
const UNDER_WAY_WITHOUT_WINDOW = 8

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
  /** Not all were looked at whose time may be over. */
  #isChecking = false

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
    while (this.#waiting.length > 0) {
      const place = this.#nextToBegin()
      if (place < 0) return
      this.#owner.wake()
      if (!this.#mayBegin) return
      const stream = place === 0 ? this.#waiting.shift()! : this.#waiting.splice(place, 1)[0]!
      // Taken back in the meantime.
      if (stream.isClosed) continue
      this.begun++
      this.#begunInTurn++
      stream.hasBegun = true
      this.#owner.begin(stream)
    }
  }

  /**
   * The place of the first that may begin; below 0 where all wait for others to end, or for their client to open a window. Either comes with
   * something that is read or written, and is followed by another look.
   */
  #nextToBegin(): number {
    if (this.#waiting[0]!.lacksWindow && this.#lackingWindow >= UNDER_WAY_WITHOUT_WINDOW)
      return this.#waiting.findIndex((stream) => !stream.lacksWindow)
    return 0
  }

  get #lackingWindow(): number {
    let count = 0
    for (const stream of this.#streams.values()) if (stream.hasBegun && stream.lacksWindow) count++
    return count
  }

  /** Its reply is out, and its client still sends. */
  linger(stream: Http2Stream): void {
    this.#lingering.push(stream)
    this.#owner.wake()
  }

  /** Another turn. Clients that have had one to stop sending are told to. */
  turn(): void {
    this.#begunInTurn = 0
    if (this.#isChecking) this.check(this.#owner.clock.now())
    if (this.#lingering.length === 0 && this.#lingered.length === 0) return
    const over = this.#lingered
    this.#lingered = this.#lingering
    this.#lingering = []
    for (const stream of over) stream.stopClient()
    if (this.#lingered.length > 0) this.#owner.wake()
  }

  /** Looks at their timeouts. A client that lets a hundred run out does so at once: some have to wait for the turns that follow. */
  check(now: number): void {
    this.#isChecking = false
    for (const stream of this.#streams.values()) {
      if (!this.#tell(stream, () => stream.check(now)) || hasTime(this.#owner.clock)) continue
      this.#isChecking = true
      return this.#owner.wake()
    }
  }

  /** The client's window for each moves by so much; `false` where one becomes larger than windows are. */
  widen(bytes: number): boolean {
    for (const stream of this.#streams.values()) if (!stream.widen(bytes)) return false
    return true
  }

  /** Breaks off what is under way, a few at a time: each may have an attempt that has to be given up. Says whether all are gone. */
  abandonSome(): boolean {
    this.#waiting = []
    for (const stream of this.#streams.values()) {
      this.#tell(stream, () => {
        stream.abandon('the connection has ended')
        return true
      })
      if (!hasTime(this.#owner.clock)) break
    }
    if (this.#streams.size === 0) return true
    this.#owner.wake()
    return false
  }

  /** Each connection may begin one in each turn, whatever the others do. */
  get #mayBegin(): boolean {
    if (this.#begunInTurn >= BEGIN_PER_TURN) return false
    return hasTime(this.#owner.clock) || this.#begunInTurn === 0
  }

  /** Gives what the call says; one that throws has cost something, too. */
  #tell(stream: Http2Stream, call: () => boolean): boolean {
    try {
      return call()
    } catch (error) {
      this.#owner.failed(error, stream)
      return true
    }
  }
}
