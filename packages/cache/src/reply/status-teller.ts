/** Tells clients what the cache did, in `Cache-Status` and `Age`; what hits of one second have in common is made once. */
import type { Exchange, Reply } from '@sluice/core'
import { fieldName, type HeaderList } from '@sluice/wire'
import type { CachePlan } from '../cache-options.ts'
import type { Reading } from '../policy/reading.ts'
import {
  cacheIdentifier,
  type ForwardFacts,
  type ForwardReason,
  forwardStatus,
  hitStatus,
  keyParameter,
} from './cache-status.ts'
import { agedFields, ageSecondsOf } from './entry-reply.ts'

const CACHE_STATUS = fieldName('Cache-Status')
const MAX_KEPT = 1_024

export class StatusTeller {
  readonly #plan: CachePlan
  /** Of the proxy whose name was last asked for. */
  #name = ''
  #identifier = ''
  readonly #kept: (Reading | undefined)[] = Array.from({ length: MAX_KEPT })
  #next = 0

  constructor(plan: CachePlan) {
    this.#plan = plan
  }

  /** The fields of a hit: to be copied. */
  hitFields(exchange: Exchange, reading: Reading, freshUntil: number, now: number, key: string): HeaderList {
    const second = ageSecondsOf(reading, now)
    const known = reading.hitHeaders
    const identifier = this.#identifierOf(exchange)
    if (
      known !== undefined &&
      reading.hitSecond === second &&
      reading.hitFreshUntil === freshUntil &&
      reading.hitIdentifier === identifier
    )
      return known
    const ttl = Math.floor((freshUntil - reading.bornAt) / 1_000) - second
    const status = this.#plan.tellsStatus ? hitStatus(identifier, ttl) + this.#keyOf(key) : ''
    const headers = agedFields(reading, second, status)
    // The second hit within a second: there may well be more of them.
    if (reading.lastSecond !== second) reading.lastSecond = second
    else {
      reading.hitSecond = second
      reading.hitFreshUntil = freshUntil
      reading.hitIdentifier = identifier
      this.#keep(reading, headers)
    }
    return headers
  }

  /** With so many readings at most, whatever the store holds. */
  #keep(reading: Reading, headers: HeaderList): void {
    if (reading.hitHeaders === undefined) {
      const place = this.#next
      this.#next = (place + 1) % MAX_KEPT
      const forgotten = this.#kept[place]
      if (forgotten !== undefined) forgotten.hitHeaders = undefined
      this.#kept[place] = reading
    }
    reading.hitHeaders = headers
  }

  /** The fields of a stored response that was asked about, or came for another. */
  forwardedFields(
    exchange: Exchange,
    reading: Reading,
    now: number,
    reason: ForwardReason,
    facts: ForwardFacts,
    key: string,
  ): HeaderList {
    return agedFields(reading, ageSecondsOf(reading, now), this.#forwarded(exchange, reason, facts, key))
  }

  /** Adds to the upstream's own reply. */
  tell(exchange: Exchange, reply: Reply, reason: ForwardReason, facts: ForwardFacts, key: string): void {
    if (this.#plan.tellsStatus)
      reply.headers.appendUnchecked(CACHE_STATUS, this.#forwarded(exchange, reason, facts, key))
  }

  #forwarded(exchange: Exchange, reason: ForwardReason, facts: ForwardFacts, key: string): string {
    if (!this.#plan.tellsStatus) return ''
    const told = this.#plan.tellsDetail || facts.detail === undefined ? facts : { ...facts, detail: undefined }
    return forwardStatus(this.#identifierOf(exchange), reason, told) + this.#keyOf(key)
  }

  #keyOf(key: string): string {
    return this.#plan.tellsKey && key !== '' ? keyParameter(key) : ''
  }

  #identifierOf({ settings }: Exchange): string {
    if (this.#plan.identifier !== undefined) return this.#plan.identifier
    if (settings.name !== this.#name) {
      this.#name = settings.name
      this.#identifier = cacheIdentifier(settings.name)
    }
    return this.#identifier
  }
}
