/**
 * What stands between a request and its upstream: an answer from the store where there is one, else a fetch, which others may wait for.
 *
 *   look up --> fresh                    answered at once
 *           --> stale-while-revalidate   answered, and asked about in the background
 *           --> stale, or nothing        fetched (flight/fetch.ts), or followed where another request fetches it
 *
 * A hit in memory makes no promise, and parses nothing that the request does not have.
 */
import { type Exchange, type Handler, Reply } from '@sluice/core'
import { Body, maskOf } from '@sluice/wire'
import type { CachePlan } from './cache-options.ts'
import { type RequestDirectives, requestDirectives } from './directives/request-directives.ts'
import { cacheHit } from './events.ts'
import { askedBy } from './flight/asked-by.ts'
import { Collapse } from './flight/collapse.ts'
import type { FetchParts } from './flight/fetch-task.ts'
import { type Invalidation, isUnsafe } from './invalidation/unsafe-reply.ts'
import type { VariantKeys } from './key/vary.ts'
import type { Lookup } from './lookup.ts'
import type { Reading } from './policy/reading.ts'
import { reuseOf } from './policy/reuse.ts'
import type { ForwardReason } from './reply/cache-status.ts'
import { replyOf } from './reply/entry-reply.ts'
import { StatusTeller } from './reply/status-teller.ts'
import { Solo, type SoloTask } from './solo.ts'
import type { StoredEntry } from './store/store.ts'
import { asksOriginOnly, CONDITIONS } from './validation/client-condition.ts'
import { PartStore } from './validation/parts.ts'

const RANGE = maskOf('range')
const SPECIAL = CONDITIONS | maskOf('range', 'authorization')

export class CacheGuard {
  readonly #plan: CachePlan
  readonly #parts: FetchParts
  readonly #teller: StatusTeller
  readonly #solo: Solo
  readonly #partStore: PartStore
  readonly #collapse: Collapse
  readonly #invalidation: Invalidation

  constructor(parts: FetchParts, variants: VariantKeys, invalidation: Invalidation) {
    this.#plan = parts.plan
    this.#parts = parts
    this.#teller = new StatusTeller(parts.plan)
    this.#partStore = new PartStore(parts, this.#teller)
    this.#solo = new Solo(parts, this.#teller, this.#partStore)
    this.#collapse = new Collapse(parts, this.#teller, this.#solo, variants)
    this.#invalidation = invalidation
  }

  /** Fetches under way that others may follow. */
  get fetching(): number {
    return this.#collapse.size
  }

  pass(exchange: Exchange, next: Handler): Reply | Promise<Reply> {
    const { request } = exchange
    const { method } = request
    if (method !== 'GET' && method !== 'HEAD') return this.#passOther(exchange, next, method)
    // A body that no key has could be what the response is about.
    if (request.upgrade !== undefined || !request.body.isEmpty || asksOriginOnly(request.headers))
      return this.#bypass(exchange, next, 'bypass')
    return this.#look(exchange, next, () => this.#parts.keys.key(exchange), 0)
  }

  #look(exchange: Exchange, next: Handler, keyOf: () => string, tries: number): Reply | Promise<Reply> {
    const key = keyOf()
    const { headers } = exchange.request
    const directives = this.#plan.honoursClients ? requestDirectives(headers) : undefined
    const found = this.#parts.store.get(key)
    if (found instanceof Promise) return this.#lookLater(exchange, next, keyOf, tries, key, directives, found)
    const lookup = this.#parts.finder.find(key, found, headers)
    return lookup instanceof Promise
      ? lookup.then((settled) => this.#decide(exchange, next, keyOf, tries, directives, settled))
      : this.#decide(exchange, next, keyOf, tries, directives, lookup)
  }

  async #lookLater(
    exchange: Exchange,
    next: Handler,
    keyOf: () => string,
    tries: number,
    key: string,
    directives: RequestDirectives | undefined,
    finding: Promise<StoredEntry | undefined>,
  ): Promise<Reply> {
    const lookup = await this.#parts.finder.find(key, await finding, exchange.request.headers)
    return await this.#decide(exchange, next, keyOf, tries, directives, lookup)
  }

  #decide(
    exchange: Exchange,
    next: Handler,
    keyOf: () => string,
    tries: number,
    directives: RequestDirectives | undefined,
    lookup: Lookup,
  ): Reply | Promise<Reply> {
    const { entry, reading } = lookup
    let reason: ForwardReason = lookup.marker === undefined ? 'uri-miss' : 'vary-miss'
    if (entry !== undefined && reading !== undefined) {
      const { staleSince } = entry
      const freshUntil = staleSince === undefined || staleSince > reading.freshUntil ? reading.freshUntil : staleSince
      const now = this.#plan.clock.wallTime()
      const reuse = reuseOf(reading, freshUntil, now, directives)
      if (reuse === 'fresh') return this.#hit(exchange, entry, reading, freshUntil, now, lookup.key)
      if (reuse === 'stale' || reuse === 'stale-while-revalidate') {
        const reply = this.#hit(exchange, entry, reading, freshUntil, now, lookup.key)
        if (reuse === 'stale-while-revalidate') this.#collapse.refresh(exchange, next, lookup, keyOf)
        return reply
      }
      reason = reuse === 'request' ? 'request' : 'stale'
    }
    const task: SoloTask = { exchange, next, lookup, directives, reason, keyOf }
    if (this.#plan.storesPartial && entry === undefined && exchange.request.headers.hasAny(RANGE))
      return this.#findPart(task, tries)
    return this.#forwardUnlessOnlyCached(task, tries)
  }

  async #findPart(task: SoloTask, tries: number): Promise<Reply> {
    const { exchange, lookup, directives } = task
    const part =
      exchange.request.method === 'GET' ? await this.#partStore.find(exchange, lookup.key, directives) : undefined
    return part ?? (await this.#forwardUnlessOnlyCached(task, tries))
  }

  #forwardUnlessOnlyCached(task: SoloTask, tries: number): Reply | Promise<Reply> {
    if (task.directives?.onlyIfCached === true) return this.#notCached(task.exchange, task.lookup.key)
    return this.#forward(task, tries)
  }

  #hit(exchange: Exchange, entry: StoredEntry, reading: Reading, freshUntil: number, now: number, key: string): Reply {
    const { counters } = this.#parts
    counters.hits++
    const stale = now >= freshUntil
    if (stale) counters.stale++
    if (cacheHit.hasSubscribers)
      cacheHit.publish({ exchange, url: reading.head.url, ageMs: now - reading.bornAt, stale })
    return replyOf(exchange, reading, entry, this.#teller.hitFields(exchange, reading, freshUntil, now, key), now)
  }

  #forward(task: SoloTask, tries: number): Reply | Promise<Reply> {
    const { exchange, next, lookup, keyOf, directives } = task
    const { request } = exchange
    if (request.method === 'HEAD') {
      this.#parts.counters.misses++
      return this.#solo.passHead(task)
    }
    // Conditions, ranges and credentials are this client's own, until there is something stored to ask about.
    const isSpecial = request.headers.hasAny(SPECIAL) && lookup.entry === undefined
    const isHopeless = lookup.entry === undefined && this.#parts.uncacheable.has(lookup.key)
    // What it has beside its key, others are not to get, nor to wait for.
    const isOdd = this.#parts.keys.isOddlySpelled(exchange) || this.#plan.hasUnkeyedField(request.headers)
    const mayLead = !isSpecial && !isHopeless && !isOdd && directives?.noStore !== true
    if (isHopeless) {
      this.#parts.counters.misses++
      return this.#solo.pass(task)
    }
    const again = (count: number): Reply | Promise<Reply> => this.#look(exchange, next, keyOf, count)
    // Written out: to spread the task would cost as much as a look-up.
    const { reason } = task
    return this.#collapse.fetch({ exchange, next, lookup, directives, reason, keyOf, mayLead, tries, again })
  }

  /** RFC 9111, section 5.2.1.7. */
  #notCached(exchange: Exchange, key: string): Reply {
    const reply = Reply.text('not in the cache\n', { status: 504, headers: { 'Cache-Control': 'no-store' } })
    this.#teller.tell(exchange, reply, 'miss', { detail: 'only-if-cached' }, key)
    return reply
  }

  #passOther(exchange: Exchange, next: Handler, method: string): Reply | Promise<Reply> {
    if (this.#plan.bodyMethods.has(method) && exchange.request.upgrade === undefined)
      return this.#passWithBody(exchange, next)
    return isUnsafe(method) ? this.#passUnsafe(exchange, next) : this.#bypass(exchange, next, 'method')
  }

  /** The content is part of the key, so it is read first; where it is too large for that, the request goes on with it. */
  async #passWithBody(exchange: Exchange, next: Handler): Promise<Reply> {
    const { request } = exchange
    const { maxKeyBodyBytes } = this.#plan
    const canKey = (request.body.length ?? 0) <= maxKeyBodyBytes && !asksOriginOnly(request.headers)
    const body = canKey ? await keyBody(exchange, maxKeyBodyBytes) : undefined
    if (body !== undefined) return await this.#look(exchange, next, () => this.#parts.keys.bodyKey(exchange, body), 0)
    return isUnsafe(request.method)
      ? await this.#passUnsafe(exchange, next)
      : await this.#bypass(exchange, next, 'bypass')
  }

  async #passUnsafe(exchange: Exchange, next: Handler): Promise<Reply> {
    this.#parts.counters.bypassed++
    const requestedAt = this.#plan.clock.wallTime()
    const reply = await next(askedBy({ exchange, next }))
    await this.#invalidation.after(exchange, reply)
    if (exchange.request.method === 'POST') {
      const keyOf = () => this.#parts.keys.key(exchange)
      const key = keyOf()
      const lookup: Lookup = { key, entryKey: key, entry: undefined, reading: undefined, marker: undefined }
      const directives = this.#plan.honoursClients ? requestDirectives(exchange.request.headers) : undefined
      this.#solo.keepAsGet(reply, { exchange, next, lookup, directives, reason: 'method', keyOf }, requestedAt)
    }
    this.#teller.tell(exchange, reply, 'method', {}, '')
    return reply
  }

  #bypass(exchange: Exchange, next: Handler, reason: 'bypass' | 'method'): Reply | Promise<Reply> {
    this.#parts.counters.bypassed++
    if (exchange.request.upgrade !== undefined) return next(exchange)
    const tell = (reply: Reply): Reply => {
      this.#teller.tell(exchange, reply, reason, {}, '')
      return reply
    }
    const reply = next(exchange)
    return reply instanceof Promise ? reply.then(tell) : tell(reply)
  }
}

/** The request's content, in memory from now on; `undefined` where it turns out to be too large. */
async function keyBody(exchange: Exchange, maxBytes: number): Promise<Uint8Array | undefined> {
  const { request } = exchange
  if (request.body.inMemory !== undefined) return request.body.inMemory
  // One byte more is remembered, so that a body which is too large for a key can still be sent on.
  const body = request.body.replayable(maxBytes + 65_536)
  request.body = body
  try {
    const bytes = await body.bytes({ maxBytes })
    request.body = Body.of(bytes)
    return bytes
  } catch (error) {
    if (body.canReplay) return undefined
    throw error
  }
}
