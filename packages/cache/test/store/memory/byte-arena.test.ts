/** Heads and small bodies in pages. */
import { seededRandom } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { type ArenaText, ByteArena } from '../../../src/store/memory/byte-arena.ts'

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

  constructor(maxBytes: number) {
    this.arena = new ByteArena(maxBytes)
  }

  put(headLength: number, bodyLength: number): void {
    const [head, body] = [textOf(this.#number, headLength), textOf(this.#number + 7, bodyLength)]
    this.#number++
    this.kept.push({ text: this.arena.put(head, body), head, body })
    this.#checkBound()
  }

  remove(index: number): void {
    const [gone] = this.kept.splice(index, 1)
    this.arena.remove(gone!.text)
    this.#checkBound()
  }

  check(): void {
    for (const { text, head, body } of this.kept) {
      if (text.slice(0, head.length) !== head) expect(text.slice(0, head.length)).toBe(head)
      if (text.slice(head.length, text.length) !== body) expect(text.slice(head.length, text.length)).toBe(body)
    }
  }

  #checkBound(): void {
    const costs = this.kept.reduce((sum, { text }) => sum + this.arena.costOf(text.length), 0)
    if (this.arena.allocatedBytes > costs + this.arena.spareBytes)
      expect(this.arena.allocatedBytes).toBeLessThanOrEqual(costs + this.arena.spareBytes)
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

it('what has left twice takes nothing from others', () => {
  const arena = new ByteArena(MIB)
  const [one, two] = [arena.put('one', ''), arena.put('', 'two')]
  arena.remove(one)
  arena.remove(one)
  expect(two.slice(0, 3)).toBe('two')
})
