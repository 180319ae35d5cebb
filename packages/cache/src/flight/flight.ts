/**
 * One fetch that several requests wait for. Who has begun it leads; the others follow, and go on by themselves once they have waited for
 * too long, or the response turns out not to be for them.
 */
import type { AnyProxyError } from '@sluice/core'
import type { Clock, ScheduledCall } from '@sluice/wire'
import { hashOf } from '../key/key-hash.ts'
import type { Reading } from '../policy/reading.ts'
import type { ReplyContent } from '../reply/entry-reply.ts'

/** A response that all may have who ask for the same. */
export interface SharedReply {
  readonly reading: Reading
  readonly content: ReplyContent
  /** Where it is stored: a request whose variant has another key may not have it. */
  readonly entryKey: string
  readonly primaryKey: string
  readonly vary: readonly string[]
}

/**
 * What a follower is told: a response; to go upstream by itself; or to look again, and perhaps to lead, since the one who led has
 * failed.
 */
export type Landing = SharedReply | 'alone' | 'again'

type Follower = (landing: Landing) => void

/** What brings a flight its response. */
export interface AbandonableFetch {
  abandon(error: AnyProxyError): void
}

/** Where a flight stands while others may follow it. */
export interface FlightPlace {
  delete(flight: Flight): void
}

export class Flight {
  readonly key: string
  /** @internal For the table that it stands in. */
  readonly hash: number
  /** @internal The same. */
  nextInTable: Flight | undefined = undefined
  /** What it fetches, as purges name it. */
  readonly url: string
  /** How many purges there had been when it began: later ones may mean its response. */
  readonly purgesBefore: number
  readonly #clock: Clock
  readonly #waitMs: number
  readonly #startedAt: number
  #followers: Set<Follower> | undefined = undefined
  #landing: Landing | undefined = undefined
  #timer: ScheduledCall | undefined = undefined
  /** Whether somebody leads who wants it for himself; a fetch for the store alone wants itself. */
  #isWanted = true
  /** What it waits for; ended where nobody wants it any more. */
  fetch: AbandonableFetch | undefined = undefined
  readonly #place: FlightPlace | undefined

  /** `place` is where others find it. */
  constructor(key: string, url: string, purgesBefore: number, clock: Clock, waitMs: number, place?: FlightPlace) {
    this.#place = place
    this.key = key
    this.hash = hashOf(key)
    this.url = url
    this.purgesBefore = purgesBefore
    this.#clock = clock
    this.#waitMs = waitMs
    this.#startedAt = clock.now()
  }

  /** What became of it, once that is known. */
  get landing(): Landing | undefined {
    return this.#landing
  }

  /** Calls back once it is known what becomes of it; at once where it is. Returns what takes the follower out of it. */
  follow(follower: Follower): (error: AnyProxyError) => void {
    if (this.#landing !== undefined) {
      follower(this.#landing)
      return () => {}
    }
    this.#followers ??= new Set()
    this.#followers.add(follower)
    this.#timer ??= this.#clock.schedule(Math.max(0, this.#startedAt + this.#waitMs - this.#clock.now()), () => {
      this.expire()
      this.release('alone')
    })
    return (error) => {
      if (this.#followers?.delete(follower) === true) this.#abandonIfUnwanted(error)
    }
  }

  /** The leader has gone; whoever follows keeps the fetch going. */
  leaderLeft(error: AnyProxyError): void {
    this.#isWanted = false
    this.#abandonIfUnwanted(error)
  }

  /** It has taken longer than others are to wait, or has nothing for those who come later. */
  expire(): void {
    this.#place?.delete(this)
  }

  land(landing: Landing): void {
    if (this.#landing !== undefined) return
    this.#landing = landing
    // Only what still flows is of use to those who come later: the rest they find in the store.
    if (typeof landing === 'string' || landing.content.newBody === undefined) this.expire()
    this.release(landing)
  }

  /** Tells those who wait now, and none who come later. */
  release(landing: Landing): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const followers = this.#followers
    this.#followers = undefined
    for (const follower of followers ?? []) follower(landing)
  }

  #abandonIfUnwanted(error: AnyProxyError): void {
    if (this.#isWanted || (this.#followers?.size ?? 0) > 0 || this.#landing !== undefined) return
    this.fetch?.abandon(error)
  }
}
