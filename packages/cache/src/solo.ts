/**
 * Requests that go upstream by themselves: those that no other may wait for, and those whose reply changes what is stored. What comes is
 * stored all the same where it may be, while the client reads it.
 */
import type { Exchange, Handler, Reply } from '@sluice/core'
import { HeaderList } from '@sluice/wire'
import type { RequestDirectives } from './directives/request-directives.ts'
import { effectiveDirectives } from './directives/targeted-fields.ts'
import { askedBy } from './flight/asked-by.ts'
import type { FetchParts } from './flight/fetch-task.ts'
import { SharedBody } from './flight/shared-body.ts'
import { resolved } from './invalidation/unsafe-reply.ts'
import type { Lookup } from './lookup.ts'
import { explicitLifetimeMs } from './policy/freshness.ts'
import { isPassing } from './policy/storability.ts'
import type { FetchFacts, Judged } from './recorder.ts'
import type { ForwardReason } from './reply/cache-status.ts'
import type { StatusTeller } from './reply/status-teller.ts'
import type { EntryWriter } from './store/store.ts'
import type { PartStore } from './validation/parts.ts'
import { describesStored, mergedFields } from './validation/revalidation.ts'

/** One request that goes by itself. */
export interface SoloTask {
  readonly exchange: Exchange
  readonly next: Handler
  readonly lookup: Lookup
  readonly directives: RequestDirectives | undefined
  readonly reason: ForwardReason
  readonly keyOf: () => string
}

export class Solo {
  readonly #parts: FetchParts
  readonly #teller: StatusTeller

  readonly #partStore: PartStore

  constructor(parts: FetchParts, teller: StatusTeller, partStore: PartStore) {
    this.#parts = parts
    this.#teller = teller
    this.#partStore = partStore
  }

  /** A GET, or what has a key of its own: stored where it may be. */
  pass(task: SoloTask): Reply | Promise<Reply> {
    const facts = this.#factsFor(task)
    const reply = task.next(askedBy(task))
    return reply instanceof Promise
      ? reply.then((settled) => this.#keep(settled, task, facts))
      : this.#keep(reply, task, facts)
  }

  /** A HEAD: never stored, but it may tell that what is stored has changed (RFC 9111, section 4.3.5). */
  async passHead(task: SoloTask): Promise<Reply> {
    const facts = this.#factsFor(task)
    const reply = await task.next(askedBy(task))
    const { entry, reading, entryKey, key } = task.lookup
    if (entry !== undefined && reading !== undefined && reply.status === reading.head.status) {
      const { store, recorder } = this.#parts
      const { head } = reading
      const stored = HeaderList.received(head.headers.slice())
      if (describesStored(reply.headers, reading.headers)) {
        const merged = mergedFields(stored, reply.headers)
        const judged = recorder.judge(head.status, merged, this.#responded(facts), task.keyOf, reading.part)
        // Also where it varies by more now: it stands under a key that is not its own any more.
        if (typeof judged === 'string') {
          if (!isPassing(judged)) store.delete(entryKey, head.id)
        } else if (judged.key !== entryKey) store.delete(entryKey, head.id)
        else store.update(entryKey, head.id, { ...judged.head, id: head.id }, facts.generation)
      } else store.update(entryKey, head.id, { ...head, freshMs: 0 }, facts.generation)
    }
    this.#teller.tell(task.exchange, reply, task.reason, {}, key)
    return reply
  }

  /**
   * The reply to a POST that says to be what a GET would get (RFC 9110, section 9.3.3): stored as such, where it states a lifetime.
   */
  keepAsGet(reply: Reply, task: SoloTask, requestedAt: number): void {
    const { exchange } = task
    const { keys, plan, store } = this.#parts
    const location = reply.headers.get('content-location')
    if (reply.status !== 200 || location === undefined) return
    const url = keys.url(exchange)
    if (safely(() => resolved(location, url, (text) => keys.urlFrom(text))) !== url) return
    const respondedAt = plan.clock.wallTime()
    if (explicitLifetimeMs(reply.headers, effectiveDirectives(reply.headers, plan.targets), respondedAt) === undefined)
      return
    this.#store(reply, task, { ...this.#factsFor(task), generation: store.generation, requestedAt, respondedAt })
  }

  #keep(reply: Reply, task: SoloTask, facts: FetchFacts): Reply {
    const { exchange, lookup, reason } = task
    const refusal = this.#store(reply, task, this.#responded(facts))
    this.#teller.tell(exchange, reply, reason, { stored: refusal === undefined, detail: refusal }, lookup.key)
    return reply
  }

  /** Begins to store; says why not. */
  #store(reply: Reply, task: SoloTask, facts: FetchFacts): string | undefined {
    const { recorder, uncacheable, plan } = this.#parts
    const { lookup, keyOf, exchange } = task
    const { body } = reply
    if (reply.status === 206 && plan.storesPartial) return this.#partStore.keep(reply, exchange, lookup.key, facts)
    const judged = recorder.judge(reply.status, reply.headers, facts, keyOf)
    const writer = typeof judged === 'string' ? judged : recorder.begin(judged, body.length, facts.generation)
    if (typeof judged === 'string' || typeof writer === 'string') {
      recorder.refuse(writer as Exclude<typeof writer, EntryWriter>, exchange, reply.status)
      return writer as string
    }
    uncacheable.delete(lookup.key)
    if (body.isInMemory) {
      recorder.commitBody(judged, writer, facts, body)
      return undefined
    }
    const shared = this.#sharedBody(reply, judged, writer, facts)
    reply.body = shared.newBody()
    body.pipe(shared)
    return undefined
  }

  #sharedBody(reply: Reply, judged: Judged, writer: EntryWriter, facts: FetchFacts): SharedBody {
    const { plan, recorder } = this.#parts
    return new SharedBody(
      reply.body.length,
      recorder.bodyOwner({ judged, writer, facts, clock: plan.clock, maxBytes: plan.maxEntryBytes, ended: () => {} }),
    )
  }

  #factsFor({ exchange, directives, lookup }: SoloTask): FetchFacts {
    const { plan, store } = this.#parts
    const now = plan.clock.wallTime()
    return {
      exchange,
      directives,
      marker: lookup.marker,
      key: lookup.key,
      generation: store.generation,
      requestedAt: now,
      respondedAt: now,
    }
  }

  #responded(facts: FetchFacts): FetchFacts {
    return { ...facts, respondedAt: this.#parts.plan.clock.wallTime() }
  }
}

function safely<T>(call: () => T): T | undefined {
  try {
    return call()
  } catch {
    return undefined
  }
}
