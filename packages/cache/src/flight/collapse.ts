/** Requests of one key that are under way: one leads, the others follow (see flight.ts). */
import { type Exchange, type Handler, ProxyError, Reply } from '@sluice/core'
import type { RequestDirectives } from '../directives/request-directives.ts'
import { cacheMiss } from '../events.ts'
import type { VariantKeys } from '../key/vary.ts'
import type { Lookup } from '../lookup.ts'
import type { ForwardReason } from '../reply/cache-status.ts'
import { replyOf } from '../reply/entry-reply.ts'
import type { StatusTeller } from '../reply/status-teller.ts'
import type { Solo } from '../solo.ts'
import { CONDITIONS, isNotModified, notModifiedFields } from '../validation/client-condition.ts'
import type { Fetched, FetchParts, FetchTask } from './fetch-task.ts'
import { Fetch } from './fetch.ts'
import { FlightTable } from './flight-table.ts'
import { Flight, type Landing, type SharedReply } from './flight.ts'

/** A request that the store has no answer to. */
export interface CollapseTask {
  readonly exchange: Exchange
  readonly next: Handler
  readonly lookup: Lookup
  readonly directives: RequestDirectives | undefined
  readonly reason: ForwardReason
  readonly keyOf: () => string
  /** Whether it may fetch for others as well. */
  readonly mayLead: boolean
  /** How often those that it followed have failed. */
  readonly tries: number
  /** Looks again, from the start. */
  readonly again: (tries: number) => Reply | Promise<Reply>
}

function ledBy({ exchange, next, lookup, directives, keyOf }: CollapseTask, flight: Flight): FetchTask {
  return { exchange, next, lookup, directives, flight, isBackground: false, keyOf }
}

/** Has every tag there is. */
const ANY_TAG = { includes: () => true }
/** Whoever has seen two leaders fail goes by himself. */
const MAX_TRIES = 2

export class Collapse {
  readonly #parts: FetchParts
  readonly #teller: StatusTeller
  readonly #solo: Solo
  readonly #variants: VariantKeys
  readonly #flights = new FlightTable()

  constructor(parts: FetchParts, teller: StatusTeller, solo: Solo, variants: VariantKeys) {
    this.#parts = parts
    this.#teller = teller
    this.#solo = solo
    this.#variants = variants
  }

  /** Fetches under way. */
  get size(): number {
    return this.#flights.size
  }

  fetch(task: CollapseTask): Reply | Promise<Reply> {
    const { lookup, mayLead, tries } = task
    const flying = this.#parts.plan.collapses ? this.#flights.get(lookup.entryKey) : undefined
    if (tries < MAX_TRIES && flying !== undefined && this.#maySuit(flying)) return this.#follow(flying, task)
    if (!mayLead || (tries >= MAX_TRIES && lookup.entry === undefined)) return this.#alone(task)
    this.#count(task, false)
    return this.#lead(task)
  }

  /** Asks about a stored response that was served meanwhile; once at a time. */
  refresh(exchange: Exchange, next: Handler, lookup: Lookup, keyOf: () => string): void {
    const { plan } = this.#parts
    const { reading, entryKey } = lookup
    if (this.#flights.get(entryKey) !== undefined || (reading?.quietUntil ?? 0) > plan.clock.wallTime()) return
    const flight = this.#begin(entryKey, exchange)
    const fetch = new Fetch(this.#parts, {
      exchange,
      next,
      lookup,
      directives: undefined,
      flight,
      isBackground: true,
      keyOf,
    })
    void this.#runUnasked(fetch, exchange)
  }

  async #runUnasked(fetch: Fetch, exchange: Exchange): Promise<void> {
    try {
      const fetched = await fetch.run()
      if (fetched.kind === 'alone') fetch.discard(fetched.reply)
    } catch (error) {
      if (!ProxyError.is(error)) exchange.settings.onInternalError(error, exchange)
    }
  }

  /** What was asked for before a purge is not for who asks after it. */
  #maySuit(flight: Flight): boolean {
    const { landing } = flight
    if (typeof landing === 'string') return false
    const { purges, plan } = this.#parts
    // As long as its tags are not known, a purge of any tag may mean it.
    const head = landing?.reading.head ?? { url: flight.url, tags: ANY_TAG }
    if (purges.verdict(flight.purgesBefore, head) !== 'kept') return false
    if (landing === undefined) return true
    const { freshUntil, noCache } = landing.reading
    return !noCache && plan.clock.wallTime() < freshUntil
  }

  #begin(key: string, exchange: Exchange): Flight {
    const { plan, keys, purges } = this.#parts
    const place = plan.collapses ? this.#flights : undefined
    const flight = new Flight(key, keys.url(exchange), purges.count, plan.clock, plan.collapseWaitMs, place)
    place?.set(flight)
    return flight
  }

  #lead(task: CollapseTask): Promise<Reply> {
    const { exchange, lookup } = task
    const flight = this.#begin(lookup.entryKey, exchange)
    const fetch = new Fetch(this.#parts, ledBy(task, flight))
    return new Promise((resolve, reject) => {
      exchange.onAbort((error) => {
        reject(error)
        flight.leaderLeft(error)
      })
      this.#replyOfLed(task, fetch).then(resolve, reject)
    })
  }

  async #replyOfLed(task: CollapseTask, fetch: Fetch): Promise<Reply> {
    const fetched = await fetch.run()
    const reply = this.#replyToLeader(task, fetch, fetched)
    return reply instanceof Promise ? await reply : reply
  }

  #replyToLeader(task: CollapseTask, fetch: Fetch, fetched: Fetched): Reply | Promise<Reply> {
    const { exchange, lookup, reason } = task
    const { key } = lookup
    if (fetched.kind === 'again') {
      if (exchange.aborted !== undefined) throw exchange.aborted
      return task.again(task.tries + 1)
    }
    if (fetched.kind === 'stored') return this.#storedReply(task, fetched.reply, fetched.shared)
    if (fetched.kind === 'alone') {
      this.#teller.tell(exchange, fetched.reply, reason, { detail: fetched.reason }, key)
      fetch.adoptBy(exchange, fetched.reply)
      return fetched.reply
    }
    const { shared, status, how, cookies } = fetched
    const detail = how === 'confirmed' ? undefined : how
    const reply = this.#sharedReply(task, shared, { status, detail, stored: how !== 'stale-if-error' })
    for (const cookie of cookies) reply.headers.append('Set-Cookie', cookie)
    return reply
  }

  /** The upstream's own reply, unless the client has what it says: our question had taken the place of his. */
  #storedReply(task: CollapseTask, reply: Reply, shared: SharedReply): Reply {
    const { exchange, lookup, reason } = task
    this.#teller.tell(exchange, reply, reason, { stored: true }, lookup.key)
    if (exchange.aborted !== undefined) reply.body.cancel(exchange.aborted)
    const { headers, method } = exchange.request
    if (method === 'POST' || reply.status >= 300 || !headers.hasAny(CONDITIONS)) return reply
    const { reading } = shared
    const now = this.#parts.plan.clock.wallTime()
    if (!isNotModified(headers, reading.headers, reading.head.respondedAt, now)) return reply
    reply.body.cancel()
    return new Reply(304, notModifiedFields(reply.headers))
  }

  #sharedReply(task: CollapseTask, shared: SharedReply, facts: Parameters<StatusTeller['tell']>[3]): Reply {
    const { exchange, reason, lookup } = task
    const now = this.#parts.plan.clock.wallTime()
    const fields = this.#teller.forwardedFields(exchange, shared.reading, now, reason, facts, lookup.key)
    return replyOf(exchange, shared.reading, shared.content, fields, now)
  }

  #follow(flight: Flight, task: CollapseTask): Promise<Reply> {
    const { exchange } = task
    return new Promise((resolve, reject) => {
      const leave = flight.follow((landing) => {
        // At once, since a body that flows is only kept for those who are there; and without a throw, which others would suffer from.
        const call = async (): Promise<Reply> => await this.#landed(landing, task)
        if (exchange.aborted === undefined) resolve(call())
      })
      exchange.onAbort((error) => {
        leave(error)
        reject(error)
      })
    })
  }

  #landed(landing: Landing, task: CollapseTask): Reply | Promise<Reply> {
    if (landing === 'alone') return this.#alone(task)
    if (landing === 'again') return task.again(task.tries + 1)
    const { vary, primaryKey, entryKey } = landing
    const ownKey =
      vary.length === 0 ? entryKey : primaryKey + this.#variants.suffix(vary, task.exchange.request.headers)
    // Another variant: those who want it wait for each other.
    if (ownKey !== entryKey)
      return this.fetch({ ...task, reason: 'vary-miss', lookup: { ...task.lookup, entryKey: ownKey } })
    this.#count(task, true)
    return this.#sharedReply(task, landing, { collapsed: true })
  }

  #alone(task: CollapseTask): Reply | Promise<Reply> {
    this.#count(task, false)
    return this.#solo.pass(task)
  }

  #count({ exchange, reason }: CollapseTask, collapsed: boolean): void {
    const { counters } = this.#parts
    counters.misses++
    if (collapsed) counters.collapsed++
    if (cacheMiss.hasSubscribers) cacheMiss.publish({ exchange, reason, collapsed })
  }
}
