/**
 * Parts of responses (206): stored, served again, and joined where they touch and are of one representation (RFC 9111, sections 3.3
 * and 3.4). One part is kept for a URL, under a key of its own; once it is the whole, it is stored as such. What varies is not kept in parts.
 */
import { type Exchange, Reply } from '@sluice/core'
import { Body, type HeaderList } from '@sluice/wire'
import type { RequestDirectives } from '../directives/request-directives.ts'
import type { FetchParts } from '../flight/fetch-task.ts'
import { SharedBody } from '../flight/shared-body.ts'
import { type Reading, readingOf } from '../policy/reading.ts'
import { reuseOf } from '../policy/reuse.ts'
import type { FetchFacts } from '../recorder.ts'
import type { StatusTeller } from '../reply/status-teller.ts'
import { ByteGatherer } from '../store/byte-gatherer.ts'
import type { StoredEntry } from '../store/store.ts'
import { type ByteRange, contentRange, parseContentRange, parseRange } from './byte-range.ts'
import { isStrong } from './entity-tag.ts'
import { applicableRange } from './if-range.ts'

/** With a blank, which no field of a `Vary` has. */
const PART = '\n\n206 part'

/** A part in memory, and where it belongs. */
interface Part extends ByteRange {
  readonly total: number
  readonly bytes: Uint8Array
}

export class PartStore {
  readonly #parts: FetchParts
  readonly #teller: StatusTeller

  constructor(parts: FetchParts, teller: StatusTeller) {
    this.#parts = parts
    this.#teller = teller
  }

  /** A part that answers the request; `undefined` where there is none. */
  async find(exchange: Exchange, key: string, directives: RequestDirectives | undefined): Promise<Reply | undefined> {
    const entry = await this.#parts.store.get(key + PART)
    const reading = entry === undefined ? undefined : readingOf(entry)
    if (entry === undefined || reading?.part === undefined) return undefined
    const now = this.#parts.plan.clock.wallTime()
    const { part } = reading
    const isFresh = entry.staleSince === undefined && reuseOf(reading, reading.freshUntil, now, directives) === 'fresh'
    const field = isFresh
      ? applicableRange(exchange.request.headers, reading.headers, reading.head.respondedAt)
      : undefined
    const range = field === undefined ? undefined : parseRange(field, part.total)
    if (range === undefined || range === 'unsatisfiable') return undefined
    const [start, end] = [range.start - part.start, range.end - part.start]
    if (start < 0 || end > entry.bodyBytes) return undefined
    this.#parts.counters.hits++
    const headers = this.#teller.hitFields(exchange, reading, reading.freshUntil, now, key).copy()
    headers.set('Content-Length', String(end - start)).set('Content-Range', contentRange(range, part.total))
    return new Reply(206, headers, bodyOf(entry, start, end))
  }

  /** Stores what a 206 brings, once it is there; says why not. */
  keep(reply: Reply, exchange: Exchange, key: string, facts: FetchFacts): string | undefined {
    const range = parseContentRange(reply.headers.get('content-range'))
    const { plan } = this.#parts
    if (range === undefined || reply.headers.has('vary')) return 'status'
    if (range.total > plan.maxEntryBytes) return 'too-large'
    const headers = reply.headers.copy()
    const inMemory = reply.body.inMemory
    if (inMemory !== undefined) {
      this.#store({ ...range, bytes: inMemory }, headers, key, facts)
      return undefined
    }
    const gathered = new ByteGatherer(plan.maxEntryBytes)
    const body = reply.body
    const shared = new SharedBody(body.length, {
      clock: plan.clock,
      maxBytes: plan.maxEntryBytes,
      keep: (chunk) => gathered.append(chunk) === chunk.byteLength,
      dropped: () => gathered.clear(),
      ended: (error) => {
        if (error === undefined) this.#store({ ...range, bytes: gathered.content() }, headers, key, facts)
      },
    })
    reply.body = shared.newBody()
    body.pipe(shared)
    return undefined
  }

  #store(part: Part, headers: HeaderList, key: string, facts: FetchFacts): void {
    // What is not as long as it says is no part of anything.
    if (part.bytes.byteLength !== part.end - part.start) return
    const found = this.#parts.store.get(key + PART)
    if (found instanceof Promise) void this.#joinLater(part, headers, key, facts, found)
    else this.#join(part, headers, key, facts, found)
  }

  async #joinLater(
    part: Part,
    headers: HeaderList,
    key: string,
    facts: FetchFacts,
    finding: Promise<StoredEntry | undefined>,
  ): Promise<void> {
    try {
      this.#join(part, headers, key, facts, await finding)
    } catch (error) {
      facts.exchange.settings.onInternalError(error, facts.exchange)
    }
  }

  #join(part: Part, headers: HeaderList, key: string, facts: FetchFacts, entry: StoredEntry | undefined): void {
    const { recorder, store } = this.#parts
    const reading = entry === undefined ? undefined : readingOf(entry)
    const joined = (entry !== undefined && reading !== undefined && joinParts(part, headers, entry, reading)) || part
    const isWhole = joined.start === 0 && joined.end === joined.total
    if (isWhole) headers.delete('content-range')
    else headers.set('Content-Range', contentRange(joined, joined.total))
    headers.set('Content-Length', String(joined.bytes.byteLength))
    const place = isWhole ? undefined : { start: joined.start, total: joined.total }
    const judged = recorder.judge(isWhole ? 200 : 206, headers, facts, () => (isWhole ? key : key + PART), place)
    if (typeof judged === 'string') return recorder.refuse(judged, facts.exchange, 206)
    const writer = recorder.begin(judged, joined.bytes.byteLength, facts.generation)
    if (typeof writer === 'string') return recorder.refuse(writer, facts.exchange, 206)
    writer.write(joined.bytes)
    recorder.commit(judged, writer, facts, joined.bytes.byteLength)
    if (isWhole) store.delete(key + PART)
  }
}

/** Both as one, where they touch and have the same strong entity tag. */
function joinParts(part: Part, headers: HeaderList, entry: StoredEntry, reading: Reading): Part | undefined {
  const etag = headers.get('etag')
  const { bytes } = entry
  if (etag === undefined || !isStrong(etag) || etag !== reading.headers.get('etag')) return undefined
  if (bytes === undefined || reading.part === undefined || reading.part.total !== part.total) return undefined
  const old: Part = { ...reading.part, end: reading.part.start + bytes.byteLength, bytes }
  if (old.start > part.end || part.start > old.end) return undefined
  const start = Math.min(old.start, part.start)
  const end = Math.max(old.end, part.end)
  const whole = new Uint8Array(end - start)
  whole.set(old.bytes, old.start - start)
  whole.set(part.bytes, part.start - start)
  return { start, end, total: part.total, bytes: whole }
}

function bodyOf(entry: StoredEntry, start: number, end: number): Body {
  const { bytes } = entry
  return bytes === undefined ? Body.from(entry.open(start, end), end - start) : Body.of(bytes.subarray(start, end))
}
