/** Heads and small bodies in pages. */
import { seededRandom } from '@sluice/testing'
import { describe, expect, it, vi } from 'vitest'
import type { ArenaText } from '../../../src/store/memory/arena-page.ts'
import { ByteArena } from '../../../src/store/memory/byte-arena.ts'

const MIB = 1024 * 1024

/** Characters that are bytes, which say whose they are. */
function textOf(number: number, length: number): string {
  return `${number};`
    .repeat(1 + length / 2)
    .slice(0, length)
    .replaceAll('1', '\xFF')
}

interface Kept {
  readonly text: ArenaText
  readonly head: string
  readonly body: string
}

/** An arena beside a list of what has to stand in it. */
class Model {
  readonly arena: ByteArena
  readonly kept: Kept[] = []
  #number = 0
  #costs = 0

  constructor(maxBytes: number) {
    this.arena = new ByteArena(maxBytes)
  }

  put(headLength: number, bodyLength: number): void {
    const [head, body] = [textOf(this.#number, headLength), textOf(this.#number + 7, bodyLength)]
    this.#number++
    const text = this.arena.put(head, body)
    this.kept.push({ text, head, body })
    this.#costs += this.arena.costOf(text.length)
    this.#checkBound()
  }

  remove(index: number): void {
    const [gone] = this.kept.splice(index, 1)
    this.arena.remove(gone!.text)
    this.arena.tidy()
    this.#costs -= this.arena.costOf(gone!.text.length)
    this.#checkBound()
  }

  check(): void {
    for (const { text, head, body } of this.kept) {
      if (text.slice(0, head.length) !== head) expect(text.slice(0, head.length)).toBe(head)
      if (text.slice(head.length, text.length) !== body) expect(text.slice(head.length, text.length)).toBe(body)
    }
  }

  #checkBound(): void {
    const bound = this.#costs + this.arena.spareBytes
    if (this.arena.allocatedBytes > bound) expect(this.arena.allocatedBytes).toBeLessThanOrEqual(bound)
  }
}

describe.each([64 * 1024, MIB, 5 * MIB])('of a store of %i bytes', (maxBytes) => {
  const orders = {
    'the oldest first': () => 0,
    'the newest first': (_: () => number, size: number) => size - 1,
    'any, at random': (random: () => number, size: number) => Math.floor(random() * size),
    'those around one place': (random: () => number, size: number) => Math.floor((0.5 + random() * 0.02) * size),
  }

  it.each(Object.entries(orders))('texts stay what they are, within the bound, while others leave: %s', (_, pick) => {
    const random = seededRandom(maxBytes)
    const model = new Model(maxBytes)
    const { maxTextBytes } = model.arena
    const length = (): number => Math.floor(random() ** 2 * (maxTextBytes + 1))
    for (let round = 0; round < 8; round++) {
      for (let i = 0; i < 200; i++) model.put(length(), length())
      const left = [150, 20, 190, 0, 60, 5, 100, 0][round]!
      while (model.kept.length > left) model.remove(Math.min(pick(random, model.kept.length), model.kept.length - 1))
      model.check()
    }
  })
})

it('holes that nobody can use are filled: pages of which one text each is left', () => {
  const model = new Model(16 * MIB)
  for (let i = 0; i < 8_000; i++) model.put(0, 1_000)
  const before = model.arena.allocatedBytes
  for (let i = model.kept.length - 1; i >= 0; i--) if (i % 262 !== 0) model.remove(i)
  model.check()
  expect(before).toBeGreaterThan(7 * MIB)
  expect(model.arena.allocatedBytes).toBeLessThan(MIB)
})

it('an empty text has no place, and gives none back', () => {
  const arena = new ByteArena(MIB)
  const text = arena.put('', '')
  arena.remove(text)
  arena.remove(text)
  expect(text.slice(0, 0)).toBe('')
  expect(arena.allocatedBytes).toBe(0)
})

describe('the time of one removal', () => {
  const PAGE = 256 * 1024
  const each = 1_300
  const perPage = Math.floor(PAGE / each)
  /** Which of so many texts leave, in which order. */
  const orders: Record<string, (count: number, random: () => number) => number[]> = {
    'a text of each page in turn': (count) =>
      Array.from({ length: count }, (_, i) => i).sort((a, b) => (a % perPage) - (b % perPage)),
    'all of each page but one, then those': (count) =>
      Array.from({ length: count }, (_, i) => i).sort((a, b) => Number(a % perPage === 0) - Number(b % perPage === 0)),
    'any, at random': (count, random) => {
      const order = Array.from({ length: count }, (_, i) => ({ i, at: random() }))
      return order.sort((a, b) => a.at - b.at).map(({ i }) => i)
    },
  }

  it.each(Object.entries(orders))('is bounded: it moves some texts, not whole pages: %s', (_, order) => {
    const arena = new ByteArena(32 * MIB)
    const texts = Array.from({ length: perPage * 80 }, () => arena.put('h'.repeat(100), 'b'.repeat(each - 100)))
    const copy = vi.spyOn(Buffer.prototype, 'copy')
    let most = 0
    let all = 0
    for (const i of order(texts.length, seededRandom(2))) {
      arena.remove(texts[i]!)
      arena.tidy()
      all += copy.mock.calls.length
      most = Math.max(most, copy.mock.calls.length)
      copy.mockClear()
    }
    copy.mockRestore()
    expect(most).toBeLessThanOrEqual(2 * 20)
    // On the whole no more than what the holes' share makes necessary.
    expect(all).toBeLessThan(10 * texts.length)
  })
})

it('many that leave together make the others move once', () => {
  const arena = new ByteArena(32 * MIB)
  const texts = Array.from({ length: 6_000 }, (_, i) => arena.put('', textOf(i, 1_000)))
  const random = seededRandom(3)
  const gone = texts.filter(() => random() < 0.5)
  const copy = vi.spyOn(Buffer.prototype, 'copy')
  for (const text of gone) arena.remove(text)
  expect(copy).not.toHaveBeenCalled()
  arena.tidy()
  expect(copy.mock.calls.length).toBeLessThan(3_000)
  copy.mockRestore()
  expect(arena.allocatedBytes).toBeLessThan((texts.length - gone.length) * 1_000 * 1.125 + arena.spareBytes)
  for (const [i, text] of texts.entries())
    if (text.page !== undefined) expect(text.slice(0, 1_000)).toBe(textOf(i, 1_000))
})

it('all that leave at once can still be read by whoever has them, though others come', () => {
  const arena = new ByteArena(MIB)
  const texts = Array.from({ length: 200 }, (_, i) => arena.put(`head ${i}`, textOf(i, 300)))
  arena.clear()
  expect([arena.allocatedBytes, arena.spareBytes]).toEqual([0, 0])
  const model = new Model(MIB)
  for (let i = 0; i < 400; i++) model.put(20, 300)
  // Those that left have no place that could be given back.
  for (const text of texts) model.arena.remove(text)
  for (const [i, text] of texts.entries()) {
    const head = `head ${i}`
    expect(text.slice(0, text.length)).toBe(head + textOf(i, 300))
  }
  model.check()
})

it('a page that can not be had changes nothing', () => {
  const model = new Model(MIB)
  for (let i = 0; i < 300; i++) model.put(10, 300)
  const allocate = vi.spyOn(Buffer, 'allocUnsafeSlow')
  allocate.mockImplementation(() => {
    throw new RangeError('Array buffer allocation failed')
  })
  let failures = 0
  for (let i = 0; i < 100; i++)
    try {
      model.put(10, 300)
    } catch {
      failures++
    }
  allocate.mockRestore()
  expect(failures).toBeGreaterThan(40)
  for (let i = 0; i < 300; i++) model.put(10, 300)
  model.check()
  while (model.kept.length > 0) model.remove(Math.floor(model.kept.length / 2))
  expect(model.arena.allocatedBytes).toBeLessThan(40_000)
})

it('what has left twice takes nothing from others', () => {
  const arena = new ByteArena(MIB)
  const [one, two] = [arena.put('one', ''), arena.put('', 'two')]
  arena.remove(one)
  arena.remove(one)
  expect(two.slice(0, 3)).toBe('two')
})
