/**
 * One fetch on behalf of the cache, in an exchange of its own: what the leader's client does has no hand in it. It asks whether what is
 * stored still holds where there is something, stores what comes, and lands the flight.
 *
 *   ask --> 304  the stored response, its head renewed
 *       --> 200  and whatever else may be stored: shared while it is stored
 *       --> 503  or nothing at all: the stored response, where it may stand in for an error
 *       --> else the leader's alone
 */
import { type AnyProxyError, type Exchange, InternalError, ProxyError, type Reply } from '@sluice/core'
import { cacheRevalidated } from '../events.ts'
import type { Reading } from '../policy/reading.ts'
import { standsInForError } from '../policy/reuse.ts'
import { isPassing, type StoreRefusal } from '../policy/storability.ts'
import { isServerError } from '../policy/understood-status.ts'
import type { FetchFacts, Judged } from '../recorder.ts'
import type { CacheLease, EntryWriter, StoredEntry } from '../store/store.ts'
import {
  askForVariants,
  canValidate,
  makeConditional,
  makeUnconditional,
  speaksOf,
} from '../validation/revalidation.ts'
import { askedBy } from './asked-by.ts'
import type { Fetched, FetchParts, FetchTask, Validation } from './fetch-task.ts'
import { FetchedReply, WholeContent } from './fetched-reply.ts'
import type { AbandonableFetch } from './flight.ts'
import { renew, sharedEntry } from './renewal.ts'
import { SharedBody } from './shared-body.ts'

const QUIET_AFTER_FAILURE_MS = 1_000
const MAX_ASKED_TAGS = 8

export class Fetch implements AbandonableFetch {
  readonly #parts: FetchParts
  readonly #task: FetchTask
  readonly #detached: Exchange
  #lease: CacheLease | undefined = undefined
  #requestedAt = 0
  #generation: number
  #hasEnded = false

  constructor(parts: FetchParts, task: FetchTask) {
    this.#parts = parts
    this.#task = task
    this.#generation = parts.store.generation
    this.#detached = task.exchange.detached({ awaited: !task.isBackground })
    task.flight.fetch = this
  }

  abandon(error: AnyProxyError): void {
    this.#detached.abort(error)
  }

  /** Rejects where nothing came, and nothing stands in for it. Whatever it does, the flight lands. */
  async run(): Promise<Fetched> {
    const { flight, next } = this.#task
    try {
      if (this.#parts.store.hasLeases && !(await this.#hasLease())) {
        this.end(undefined, undefined)
        flight.land('again')
        return { kind: 'again' }
      }
      this.#makeConditions()
      let reply: Reply
      try {
        // What stands below may change the request, which may have to be sent once more.
        reply = await this.#send(askedBy({ exchange: this.#detached, next }))
      } catch (error) {
        return this.#insteadOf(error)
      }
      if (reply.status === 304 || isServerError(reply.status)) return await this.#weigh(reply)
      this.#revalidated('replaced')
      return this.#share(reply)
    } catch (error) {
      this.end(undefined, error as Error)
      flight.land('again')
      throw error
    }
  }

  /** The exchange is over. */
  end(reply: Reply | undefined, error: Error | undefined, bodyBytes = 0): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#lease?.release()
    this.#detached.end(reply, bodyBytes, error)
  }

  /** Ties what the upstream still sends to the client who alone gets it. */
  adoptBy(exchange: Exchange, reply: Reply): void {
    const { aborted } = exchange
    if (aborted !== undefined) {
      reply.body.cancel(aborted)
      this.#detached.abort(aborted)
      return this.end(undefined, aborted)
    }
    exchange.onAbort((error) => this.#detached.abort(error))
    exchange.onEnd(({ bodyBytes, error }) => this.end(reply, error, bodyBytes))
  }

  /** The upstream's reply is of use to nobody. */
  discard(reply: Reply): void {
    const error = new InternalError('ERR_SLUICE_SUPERSEDED')
    reply.tunnel?.destroy()
    reply.body.cancel(error)
    this.#detached.abort(error)
    this.end(undefined, error)
  }

  async #hasLease(): Promise<boolean> {
    const { plan, store } = this.#parts
    this.#lease = await store.lease(this.#task.flight.key, plan.collapseWaitMs)
    if (this.#lease === undefined) return false
    this.#generation = store.generation
    return true
  }

  /** Asks whether what is stored still holds, where there is something. */
  #makeConditions(): void {
    const { reading, marker } = this.#task.lookup
    const { headers } = this.#detached.request
    const tags = reading === undefined && marker !== undefined ? variantTags(marker.variants) : NO_TAGS
    if (reading !== undefined && canValidate(reading.headers)) makeConditional(headers, reading.headers)
    else if (tags.length > 0) askForVariants(headers, tags)
    else makeUnconditional(headers)
  }

  /** What stands in for a reply that did not come. @throws what it did not come for */
  #insteadOf(error: unknown): Fetched {
    const isHopeful = ProxyError.is(error) && this.#detached.aborted === undefined
    const standIn = isHopeful ? this.#standIn(undefined) : undefined
    if (standIn === undefined) {
      this.#revalidated('failed')
      throw error
    }
    this.end(undefined, error as Error)
    return standIn
  }

  /** A reply that may mean another one than itself. */
  async #weigh(first: Reply): Promise<Fetched> {
    const { reading } = this.#task.lookup
    let reply = first
    if (reply.status === 304) {
      const known = reading === undefined ? await this.#variantOf(reply) : this.#confirmed(reply)
      if (known !== undefined) return known
      // It speaks of something that is not here (RFC 9111, section 4.3.4).
      reply.body.cancel()
      makeUnconditional(this.#detached.request.headers)
      reply = await this.#send(this.#detached)
    }
    if (isServerError(reply.status)) {
      const standIn = this.#standIn(reply.status)
      if (standIn !== undefined) {
        this.discard(reply)
        return standIn
      }
    }
    this.#revalidated(isServerError(reply.status) ? 'failed' : 'replaced')
    return this.#share(reply)
  }

  #send(exchange: Exchange): Reply | Promise<Reply> {
    this.#requestedAt = this.#parts.plan.clock.wallTime()
    return this.#task.next(exchange)
  }

  #facts(): FetchFacts {
    const { exchange, directives, lookup } = this.#task
    return {
      exchange,
      directives,
      marker: lookup.marker,
      key: lookup.key,
      generation: this.#generation,
      requestedAt: this.#requestedAt,
      respondedAt: this.#parts.plan.clock.wallTime(),
    }
  }

  /** What is stored still holds: its head takes over what the 304 says (section 4.3.4). */
  #confirmed(reply: Reply): Fetched | undefined {
    const { lookup } = this.#task
    const { entry, reading } = lookup
    if (!speaksOf(reply.headers, reading!.headers)) return undefined
    this.#revalidated('confirmed')
    return this.#renewed(reply, lookup.entryKey, entry!, reading!, 'confirmed')
  }

  /** Of several variants the 304 names the one that answers this request, too (section 4.3.4). */
  async #variantOf(reply: Reply): Promise<Fetched | undefined> {
    const { key, marker } = this.#task.lookup
    const etag = reply.headers.get('etag')
    const index = marker?.variants.findIndex((each, i) => i % 2 === 1 && each === etag) ?? -1
    if (index < 0) return undefined
    const entryKey = key + marker!.variants[index - 1]!
    const entry = await this.#parts.store.get(entryKey)
    const reading = entry === undefined ? undefined : this.#parts.finder.read(entryKey, entry)
    if (entry === undefined || reading === undefined || reading.marker !== undefined) return undefined
    return this.#renewed(reply, entryKey, entry, reading, 'variant')
  }

  #renewed(reply: Reply, entryKey: string, entry: StoredEntry, reading: Reading, how: Validation): Fetched {
    const { flight, keyOf, lookup } = this.#task
    const { shared, landing, cookies } = renew(this.#parts, reply, {
      entryKey,
      primaryKey: lookup.key,
      entry,
      reading,
      isOther: how === 'variant',
      facts: this.#facts(),
      keyOf,
    })
    flight.land(landing)
    reply.body.cancel()
    this.end(reply, undefined)
    return { kind: 'entry', shared, status: 304, how, cookies }
  }

  /** The stored response in place of an error (RFC 5861, section 4). */
  #standIn(status: number | undefined): Fetched | undefined {
    const { lookup, directives, flight } = this.#task
    const { entry, reading, entryKey } = lookup
    if (entry === undefined || reading === undefined) return undefined
    const now = this.#parts.plan.clock.wallTime()
    const freshUntil = Math.min(reading.freshUntil, entry.staleSince ?? Number.POSITIVE_INFINITY)
    if (!standsInForError(reading, freshUntil, now, directives)) return undefined
    this.#revalidated('failed')
    const shared = sharedEntry(entry, entry.head, reading, { entryKey, primaryKey: lookup.key })
    // What this client would take, another would not.
    if (standsInForError(reading, freshUntil, now, undefined)) flight.land(shared)
    else flight.land('again')
    return { kind: 'entry', shared, status, how: 'stale-if-error', cookies: [] }
  }

  #share(reply: Reply): Fetched {
    const { recorder, uncacheable } = this.#parts
    const { flight, keyOf, lookup } = this.#task
    const facts = this.#facts()
    const bodyBytes = reply.body.length
    const judged = recorder.judge(reply.status, reply.headers, facts, keyOf)
    const writer = typeof judged === 'string' ? judged : recorder.begin(judged, bodyBytes, this.#generation)
    if (typeof judged === 'string' || typeof writer === 'string') {
      recorder.refuse(writer as Exclude<typeof writer, EntryWriter>, facts.exchange, reply.status)
      // Where it lies in who asks, the others are to ask by themselves as well; what they may share is stored all the same.
      if (!isPassing(writer as StoreRefusal) || writer === 'request-credentials') uncacheable.add(lookup.key)
      flight.land('alone')
      return { kind: 'alone', reply, reason: writer as string }
    }
    uncacheable.delete(lookup.key)
    if (reply.body.isInMemory) {
      const shared = new FetchedReply(judged, bodyBytes, new WholeContent(reply.body))
      recorder.commitBody(judged, writer, facts, reply.body)
      flight.land(shared)
      this.end(reply, undefined, bodyBytes)
      return { kind: 'stored', shared, reply }
    }
    const body = this.#sharedBody(reply, judged, writer, facts)
    const shared = new FetchedReply(judged, bodyBytes, { bodyBytes, newBody: () => body.newBody() })
    const own = this.#task.isBackground ? undefined : body.newBody()
    const flowing = reply.body
    flight.land(shared)
    flowing.pipe(body)
    if (own !== undefined) reply.body = own
    return { kind: 'stored', shared, reply }
  }

  #sharedBody(reply: Reply, judged: Judged, writer: EntryWriter, facts: FetchFacts): SharedBody {
    const { plan, recorder } = this.#parts
    const { flight } = this.#task
    const owner = recorder.bodyOwner({
      judged,
      writer,
      facts,
      clock: plan.clock,
      maxBytes: plan.maxEntryBytes,
      dropped: () => flight.expire(),
      ended: (error, bytes) => {
        flight.expire()
        this.end(reply, error, bytes)
      },
    })
    return new SharedBody(reply.body.length, owner)
  }

  #revalidated(outcome: 'confirmed' | 'replaced' | 'failed'): void {
    const { counters, plan } = this.#parts
    const { lookup, isBackground } = this.#task
    const { reading } = lookup
    if (reading === undefined) return
    if (outcome === 'failed') reading.quietUntil = plan.clock.wallTime() + QUIET_AFTER_FAILURE_MS
    else counters.revalidated++
    if (cacheRevalidated.hasSubscribers)
      cacheRevalidated.publish({ url: reading.head.url, outcome, background: isBackground })
  }
}

function variantTags(variants: readonly string[]): readonly string[] {
  const tags = new Set<string>()
  for (let i = 1; i < variants.length; i += 2) if (variants[i] !== '') tags.add(variants[i]!)
  return [...tags].slice(-MAX_ASKED_TAGS)
}

const NO_TAGS: readonly string[] = Object.freeze([])
