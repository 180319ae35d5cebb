/**
 * How much a target may say ahead of a reply, in 1xx replies (RFC 9110, section 15.2), of which there may be any number. None of them ends
 * the wait for the reply, and all of them are passed on, whether or not the client reads: so there is an end to them.
 */

/** A target that tells of its progress once a second does so for longer than most wait. */
const MAX_REPLIES = 100
const MAX_BYTES = 65_536

/** Of one attempt; made for the first of them, since most replies have none. */
export class InterimBound {
  #replies = 0
  #bytes = 0

  /** One more has come, with a head of so many bytes. `false` where it is too much: the reply is broken then. */
  take(bytes: number): boolean {
    this.#replies++
    this.#bytes += bytes
    return this.#replies <= MAX_REPLIES && this.#bytes <= MAX_BYTES
  }
}
