/** Which functions count the stack: in every circle of calls one does, and no chain that does not is long. */
import { describe, expect, test } from 'vitest'
import { type CallNode, LONGEST_CHAIN, stackCharges } from '../../src/wasm/stack-charges.ts'
import { dice, type Dice } from './inputs.ts'

const node = (frameBytes: number, callees: readonly number[] = [], callsIndirectly = false): CallNode => ({
  frameBytes,
  callees,
  callsIndirectly,
})

const chargesOf = (...functions: readonly CallNode[]): number[] => stackCharges(functions, () => false)

describe('a function counts', () => {
  test('when it calls itself, for itself', () => {
    expect(chargesOf(node(100, [0]))).toEqual([100])
  })

  test('for those on the way back to it', () => {
    expect(chargesOf(node(100, [1]), node(20, [2]), node(3, [0]))).toEqual([123, 0, 0])
  })

  test('not for those that lead nowhere', () => {
    expect(chargesOf(node(100, [0, 1]), node(20, [2]), node(3))).toEqual([100, 0, 0])
  })

  test('when it calls through a table', () => {
    expect(chargesOf(node(100, [1]), node(20, [], true))).toEqual([0, 20])
  })

  test('when a table leads to it and it to one that counts', () => {
    const functions = [node(100, [], true), node(20, [0]), node(3), node(4, [2])]
    expect(stackCharges(functions, () => true)).toEqual([100, 20, 0, 0])
    expect(stackCharges(functions, () => false)).toEqual([100, 0, 0, 0])
  })

  test('when it stands before a long chain', () => {
    const charges = chargesOf(...Array.from({ length: 100 }, (_, index) => node(1_000, index < 99 ? [index + 1] : [])))
    expect(charges.filter((bytes) => bytes > 0)).toEqual([17_000, 17_000, 17_000, 17_000, 1_000])
  })

  test('in a graph too deep for recursion', () => {
    const functions = Array.from({ length: 50_000 }, (_, index) => node(100, [(index + 1) % 50_000]))
    expect(chargesOf(...functions).reduce((sum, bytes) => sum + bytes, 0)).toBeGreaterThan(5_000_000 - 20_000)
  })
})

test('whatever calls what, at most two short chains are not counted', () => {
  const roll = dice(31)
  let most = 0
  for (let round = 0; round < 1_000; round++) {
    const size = 1 + roll(12)
    const some = (count: number): number[] => Array.from({ length: count }, () => roll(size))
    const functions = Array.from({ length: size }, () => node(50 + roll(6_000), some(roll(4)), roll(8) === 0))
    const referenced = some(roll(6))
    const charges = stackCharges(functions, (index) => referenced.includes(index))
    for (let start = 0; start < size; start++) most = Math.max(most, walk(functions, charges, referenced, start, roll))
  }
  expect(most).toBeLessThanOrEqual(2 * LONGEST_CHAIN)
  expect(most).toBeGreaterThan(LONGEST_CHAIN)
})

/** Calls at random for a while; the most by which frames are ahead of charges. */
function walk(
  functions: readonly CallNode[],
  charges: readonly number[],
  referenced: readonly number[],
  start: number,
  roll: Dice,
): number {
  let most = 0
  let ahead = 0
  let index: number | undefined = start
  for (let step = 0; step < 60 && index !== undefined; step++) {
    const { frameBytes, callees, callsIndirectly }: CallNode = functions[index]!
    ahead += frameBytes - charges[index]!
    most = Math.max(most, ahead)
    const next: readonly number[] = callsIndirectly && roll(2) === 0 ? referenced : callees
    index = next[roll(Math.max(1, next.length))]
  }
  return most
}
