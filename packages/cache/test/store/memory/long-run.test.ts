/**
 * Everything that can happen to a store, at random and for long: what is held is what was found, whatever becomes of it, and nothing
 * that was counted for what is gone stays behind.
 */
import { seededRandom, virtualClock } from '@sluice/testing'
import { expect, it } from 'vitest'
import type { EntryHead, EntryWriter, StoredEntry } from '../../../src/index.ts'
import { ByteArena } from '../../../src/store/memory/byte-arena.ts'
import { type MemoryPlan, resolveMemoryOptions } from '../../../src/store/memory/memory-options.ts'
import { MemoryStore } from '../../../src/store/memory/memory-store.ts'
import { headOf, write } from '../set-up.ts'

const MIB = 1024 * 1024
const URLS = 60

/** What a reader has looked up, and goes on holding. */
interface Held {
  readonly entry: StoredEntry
  readonly head: EntryHead
  readonly body: string
}

class Life {
  readonly store: MemoryStore
  readonly #clock: ReturnType<typeof virtualClock>
  readonly #random: () => number
  readonly #plan: MemoryPlan
  /** Each body and head that was written, by the entry's id. */
  readonly #bodies = new Map<string, string>()
  readonly #heads = new Map<string, Set<string>>()
  readonly #writers: { writer: EntryWriter; body: Buffer; at: number }[] = []
  readonly #held: Held[] = []
  #count = 0

  constructor(plan: MemoryPlan, seed: number) {
    this.#plan = plan
    this.#random = seededRandom(seed)
    this.#clock = virtualClock()
    this.store = new MemoryStore(plan, { clock: this.#clock, random: this.#random })
  }

  step(): void {
    const what = this.#below(100)
    if (what < 30) this.#begin()
    else if (what < 55) this.#goOn()
    else if (what < 80) this.#look()
    else if (what < 88) this.#update()
    else if (what < 91) this.store.delete(this.#key())
    else if (what < 94) this.#purge()
    else if (what < 96) this.#clock.advance(this.#below(20_000))
    else this.#leave()
    const { bytes, maxBytes } = this.store.snapshot()
    if (bytes > maxBytes) expect(bytes).toBeLessThanOrEqual(maxBytes)
  }

  /** Nobody writes or reads any more, and all that stands there is purged one by one. */
  end(): void {
    for (const { writer } of this.#writers) writer.abort()
    while (this.#held.length > 0) this.#leave()
    this.store.purge({ prefix: '' })
    expect(this.store.snapshot().entries).toBe(0)
    this.#bodies.clear()
  }

  #begin(): void {
    const body = this.#newBody()
    const head = this.#newHead(`id-${++this.#count}`)
    const declared = this.#random() < 0.6 ? body.length : undefined
    const writer = this.store.put(this.#key(), head, declared, this.store.generation - (this.#random() < 0.05 ? 1 : 0))
    if (writer === undefined) return
    this.#bodies.set(head.id, body.toString('latin1'))
    if (declared !== undefined && this.#random() < 0.5 && writer.writeText!(body.toString('latin1'))) writer.commit()
    else this.#writers.push({ writer, body, at: 0 })
  }

  /** Some bytes more of one that is on its way, or its end; some break off, some end too early. */
  #goOn(): void {
    const index = this.#below(this.#writers.length)
    const each = this.#writers[index]
    if (each === undefined) return
    const { writer, body, at } = each
    const isOdd = this.#random() < 0.03
    each.at += Math.min(body.length - at, 1 + this.#below(body.length))
    const goesOn = at >= body.length || writer.write(body.subarray(at, each.at))
    if (goesOn && each.at < body.length && !isOdd) return
    this.#writers.splice(index, 1)
    if (isOdd) writer.abort()
    else writer.commit()
  }

  #look(): void {
    const entry = this.store.get(this.#key())
    if (entry === undefined) return
    const { head } = entry
    const body = this.#bodies.get(head.id)!
    expect(this.#heads.get(head.id)!.has(JSON.stringify(head))).toBe(true)
    this.#held.push({ entry, head, body })
    if (this.#held.length > 40) this.#leave()
  }

  #update(): void {
    const held = this.#held[this.#below(this.#held.length)]
    if (held === undefined) return
    const { id } = held.head
    this.store.update(this.#key(), id, this.#newHead(id))
  }

  #purge(): void {
    const soft = this.#random() < 0.7
    const url = `https://example.com/${this.#below(URLS)}`
    const selectors = [{ url }, { prefix: url }, { tags: [`t${this.#below(9)}`] }]
    this.store.purge(this.#random() < 0.02 ? { all: true } : selectors[this.#below(3)]!, { soft })
  }

  /** One reader reads what it holds, and leaves. */
  #leave(): void {
    const [held] = this.#held.splice(this.#below(this.#held.length), 1)
    if (held === undefined) return
    const { entry, head, body } = held
    const chunks: Uint8Array[] = []
    const write = (chunk: Uint8Array): boolean => chunks.push(chunk) > 0
    entry.open(0, entry.bodyBytes).start({ begin() {}, write, end() {}, abort() {} })
    if (Buffer.concat(chunks).toString('latin1') !== body) expect.unreachable(`the body of ${head.id} is another one`)
    if (entry.text !== undefined && entry.text !== body) expect.unreachable(`the text of ${head.id} is another one`)
    expect(entry.head).toBe(head)
  }

  #newHead(id: string): EntryHead {
    const { maxTextBytes } = new ByteArena(this.#plan.maxBytes)
    const fill = this.#random() < 0.2 ? this.#below(maxTextBytes * 1.2) : this.#below(200)
    const value = `${id} ${'v'.repeat(fill)}${this.#random() < 0.1 ? 'Ω' : 'ü'}`
    const tags = Array.from({ length: this.#below(4) }, () => `t${this.#below(9)}`)
    const head = headOf({
      id,
      url: `https://example.com/${this.#below(URLS)}`,
      headers: ['X-Value', value, 'X-Empty', ''],
      tags,
      expiresAt: this.#clock.wallTime() + 1_000 + this.#below(600_000),
      notes: { v: 1, trailers: ['X-End', value] },
    })
    const known = this.#heads.get(id) ?? new Set()
    this.#heads.set(id, known.add(JSON.stringify(head)))
    return head
  }

  #newBody(): Buffer {
    const { maxTextBytes } = new ByteArena(this.#plan.maxBytes)
    const lengths = [
      0,
      1,
      this.#below(300),
      maxTextBytes,
      maxTextBytes + 1,
      this.#below(this.#plan.maxEntryBytes * 1.1),
    ]
    return Buffer.alloc(lengths[this.#below(lengths.length)]!, `${this.#count}ÿ;`, 'latin1')
  }

  #key(): string {
    return `key-${this.#below(150)}`
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count)
  }
}

/** How much fits: into a store in which anything was counted wrong, more or less. */
function capacity(store: MemoryStore): unknown {
  const before = store.snapshot().evictions
  const head = headOf({ id: 'id', headers: ['ETag', '"a"'], tags: ['t'] })
  const writers: EntryWriter[] = []
  for (
    let writer: EntryWriter | undefined;
    (writer = store.put('w', head, undefined))?.write(new Uint8Array(500)) === true;
  )
    writers.push(writer!)
  for (const writer of writers) writer.abort()
  for (let i = 0; i < 3_000; i++) write(store, `k-${i}`, head, 'body'.repeat(30))
  const { entries, evictions } = store.snapshot()
  return { entries, evictions: evictions - before, writers: writers.length }
}

it.each([
  ['the smallest', { maxBytes: 65_536, maxEntryBytes: 32_768 }, undefined],
  ['a small one', { maxBytes: MIB }, undefined],
  ['a larger one', { maxBytes: 2 * MIB, maxEntryBytes: 400_000 }, undefined],
  ['one with a small heap', { maxBytes: 2 * MIB }, 100_000],
] as const)('%s: readers keep what they hold, and the books balance', (_, options, maxHeapBytes) => {
  const full = resolveMemoryOptions(options)
  const plan = { ...full, maxHeapBytes: maxHeapBytes ?? full.maxHeapBytes }
  const lives = [1, 2].map((seed) => new Life(plan, seed))
  for (const life of lives) {
    for (let i = 0; i < 5_000; i++) life.step()
    life.end()
    const fresh = new MemoryStore(plan, { clock: virtualClock(), random: () => 0.5 })
    // From the first text on its pages count.
    for (const store of [life.store, fresh]) {
      write(store, 'key', headOf({ id: 'id', headers: [] }), '')
      store.delete('key')
    }
    expect(life.store.snapshot().bytes).toBe(fresh.snapshot().bytes)
    expect(capacity(life.store)).toEqual(capacity(fresh))
  }
})
