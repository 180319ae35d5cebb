/** Decides whether a response is stored, and stores it: its head, its variant's place, and its body as it comes. */
import type { Exchange } from '@sluice/core'
import type { Body, Clock, HeaderList } from '@sluice/wire'
import type { CachePlan } from './cache-options.ts'
import type { RequestDirectives } from './directives/request-directives.ts'
import { type EffectiveDirectives, effectiveDirectives } from './directives/targeted-fields.ts'
import { cacheRefused, cacheStored } from './events.ts'
import type { SharedBodyOwner } from './flight/shared-body.ts'
import { tagsOf } from './invalidation/tags.ts'
import type { CacheKeys } from './key/cache-key.ts'
import { type VariantKeys, varyFields } from './key/vary.ts'
import { type MarkerNotes, markerNotes, type ResponseNotes, responseNotes } from './policy/entry-notes.ts'
import { initialAgeMs, type Timing } from './policy/freshness.ts'
import { readingOf } from './policy/reading.ts'
import { judge, type StoredPolicy, type StoreRefusal } from './policy/storability.ts'
import { storedFields } from './policy/stored-fields.ts'
import type { GuardedStore, TextWriter } from './store/guarded-store.ts'
import type { EntryHead, EntryWriter, StoredEntry } from './store/store.ts'

/** What is known of a fetch beside its reply. */
export interface FetchFacts extends Timing {
  /** The client's request, by which variants are told apart. */
  readonly exchange: Exchange
  readonly directives: RequestDirectives | undefined
  /** The store's, when the request was sent. */
  readonly generation: number
  readonly marker: MarkerNotes | undefined
  /** The primary key, as the request was looked up. */
  readonly key: string
}

/** A head that may be stored, and where. */
export interface Judged {
  readonly head: EntryHead
  readonly key: string
  /** Under which responses of this URL vary. */
  readonly primaryKey: string
  readonly vary: readonly string[]
}

/** A body that is stored while it flows. */
export interface RecordedBody {
  readonly judged: Judged
  readonly writer: EntryWriter
  readonly facts: FetchFacts
  readonly clock: Clock
  readonly maxBytes: number
  readonly dropped?: () => void
  readonly ended: (error: Error | undefined, bytes: number) => void
}

const MAX_VARY_SETS = 4

export class Recorder {
  readonly #plan: CachePlan
  readonly #store: GuardedStore
  readonly #keys: CacheKeys
  readonly #variants: VariantKeys
  /** Tells the entries of processes that share a store apart. */
  readonly #salt: string
  #sequence = 0
  stored = 0
  refused = 0

  constructor(plan: CachePlan, store: GuardedStore, keys: CacheKeys, variants: VariantKeys, salt: string) {
    this.#plan = plan
    this.#salt = salt
    this.#store = store
    this.#keys = keys
    this.#variants = variants
  }

  /** `keyOf` gives the primary key, which a response's `No-Vary-Search` may have changed. */
  judge(
    status: number,
    headers: HeaderList,
    facts: FetchFacts,
    keyOf: () => string,
    part?: ResponseNotes['part'],
  ): Judged | StoreRefusal {
    const { exchange, directives, respondedAt } = facts
    const plan = this.#plan
    if (directives?.noStore === true) return 'request-no-store'
    if (this.#keys.isOddlySpelled(exchange)) return 'unkeyed-field'
    // A part never stands for the whole.
    if (status === 206 && part === undefined) return 'status'
    const effective = effectiveDirectives(headers, plan.targets)
    const policy = judge(exchange, status, headers, effective, plan, respondedAt)
    if (typeof policy === 'string') return policy
    const vary = varyFields(headers)
    if (vary === undefined) return 'vary'
    const origin = this.#keys.origin(exchange)
    const tags = tagsOf(headers, plan.tagFields, origin)
    if (tags === undefined) return 'too-many-tags'
    const isNew = this.#keys.searchRules.learn(origin, exchange.request.target, headers.get('no-vary-search'))
    // A part stands under a key of its own.
    const primaryKey = isNew || part !== undefined ? keyOf() : facts.key
    const key = vary.length === 0 ? primaryKey : primaryKey + this.#variants.suffix(vary, exchange.request.headers)
    const head = this.#head(status, headers, facts, effective, policy, tags, part)
    return { head, key, primaryKey, vary }
  }

  /** Begins to store it. */
  begin(judged: Judged, bodyBytes: number | undefined, generation: number): TextWriter | StoreRefusal {
    if ((bodyBytes ?? 0) > this.#plan.maxEntryBytes) return 'too-large'
    return this.#store.put(judged.key, judged.head, bodyBytes, generation) ?? 'store-failed'
  }

  /** The body is whole. */
  commit(judged: Judged, writer: EntryWriter, facts: FetchFacts, bodyBytes: number): void {
    writer.commit()
    this.stored++
    if (judged.vary.length > 0) this.#mark(judged, facts)
    if (cacheStored.hasSubscribers) {
      const { url, status, freshMs } = judged.head
      cacheStored.publish({ url, status, bodyBytes, freshMs })
    }
  }

  /** The same for a body that is all in memory. */
  commitBody(judged: Judged, writer: TextWriter, facts: FetchFacts, body: Body): void {
    const text = body.latin1
    const isTaken = body.isEmpty || (text === undefined ? writer.write(body.inMemory!) : writer.writeText(text))
    if (isTaken) this.commit(judged, writer, facts, body.length ?? 0)
    else writer.abort()
  }

  /** Stores a body that flows, and tells how it ended. */
  bodyOwner(options: RecordedBody): SharedBodyOwner {
    const { judged, writer, facts, clock, maxBytes } = options
    let bytes = 0
    let isKept = true
    const drop = (reason: StoreRefusal): void => {
      if (!isKept) return
      isKept = false
      writer.abort()
      this.refuse(reason, facts.exchange, judged.head.status)
    }
    return {
      clock,
      maxBytes,
      keep: (chunk) => {
        bytes += chunk.byteLength
        return writer.write(chunk)
      },
      dropped: () => {
        drop('too-large')
        options.dropped?.()
      },
      ended: (error, trailers) => {
        if (error !== undefined) drop('truncated')
        else if (isKept) {
          this.commit(judged, writer, facts, bytes)
          if (trailers !== undefined && trailers.size > 0) this.#addTrailers(judged, facts, trailers)
        }
        options.ended(error, bytes)
      },
    }
  }

  /** They come when the head is written already. */
  #addTrailers({ head, key }: Judged, facts: FetchFacts, trailers: HeaderList): void {
    const notes = { ...head.notes, trailers: [...trailers.raw()] }
    this.#store.update(key, head.id, { ...head, notes }, facts.generation)
  }

  /** Tells that a response is not stored. */
  refuse(reason: StoreRefusal, exchange: Exchange, status: number): void {
    this.refused++
    if (cacheRefused.hasSubscribers) cacheRefused.publish({ url: this.#keys.url(exchange), status, reason })
  }

  #head(
    status: number,
    headers: HeaderList,
    facts: FetchFacts,
    { directives }: EffectiveDirectives,
    policy: StoredPolicy,
    tags: readonly string[],
    part: ResponseNotes['part'],
  ): EntryHead {
    const { requestedAt, respondedAt, exchange } = facts
    const ageMs = initialAgeMs(headers, facts)
    const usefulMs =
      policy.freshMs + Math.max(policy.staleWhileRevalidateMs, policy.staleIfErrorMs, this.#plan.keepStaleMs)
    this.#sequence++
    return {
      id: `${this.#salt}-${this.#sequence}`,
      status,
      headers: storedFields(headers, directives, this.#plan.setCookie, respondedAt).raw(),
      requestedAt,
      respondedAt,
      initialAgeMs: ageMs,
      freshMs: policy.freshMs,
      expiresAt: respondedAt - ageMs + usefulMs,
      url: this.#keys.url(exchange),
      tags,
      notes: responseNotes(policy, { trailers: undefined, part }),
    }
  }

  /** Notes under the primary key by what its responses vary, and which variants there are. */
  #mark(judged: Judged, facts: FetchFacts): void {
    const found = this.#store.get(judged.primaryKey)
    if (found instanceof Promise) void this.#markLater(judged, facts, found)
    else this.#remark(judged, facts, found)
  }

  async #markLater(judged: Judged, facts: FetchFacts, finding: Promise<StoredEntry | undefined>): Promise<void> {
    try {
      this.#remark(judged, facts, await finding)
    } catch (error) {
      facts.exchange.settings.onInternalError(error, facts.exchange)
    }
  }

  #remark({ head, key, primaryKey, vary }: Judged, facts: FetchFacts, found: StoredEntry | undefined): void {
    const marker = found === undefined ? undefined : readingOf(found)?.marker
    const old = marker ?? facts.marker
    const suffix = key.slice(primaryKey.length)
    const name = vary.join()
    const sets = [vary, ...(old?.sets ?? []).filter((each) => each.join() !== name)].slice(0, MAX_VARY_SETS)
    const variants: string[] = []
    for (let i = 0; i < (old?.variants.length ?? 0); i += 2)
      if (old!.variants[i] !== suffix) variants.push(old!.variants[i]!, old!.variants[i + 1]!)
    variants.push(suffix, etagOf(head))
    while (variants.length > 2 * this.#plan.maxVariants) {
      const [forgotten] = variants.splice(0, 2)
      this.#store.delete(primaryKey + forgotten!)
    }
    const expiresAt = Math.max(head.expiresAt, marker === undefined ? 0 : found!.head.expiresAt)
    const notesNow = markerNotes({ sets, variants })
    const written = { ...head, id: `${head.id}-m`, status: 200, headers: [], tags: [], expiresAt, notes: notesNow }
    this.#store.put(primaryKey, written, 0, facts.generation)?.commit()
  }
}

function etagOf({ headers }: EntryHead): string {
  for (let i = 0; i < headers.length; i += 2) if (headers[i]!.toLowerCase() === 'etag') return headers[i + 1]!
  return ''
}
