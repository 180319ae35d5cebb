import { expect, it } from 'vitest'
import { Lookout } from '../../src/worker/lookout.ts'

/** Something comes at the look with this number; counts the looks. */
function inbox(comesAt: number): { readonly isEmpty: boolean; looks: number } {
  return {
    looks: 0,
    get isEmpty() {
      return ++this.looks < comesAt
    },
  }
}

const NEVER = Number.POSITIVE_INFINITY

it('sees what comes while it looks', () => {
  const seen = inbox(100)
  expect(new Lookout(2).sees(seen)).toBe(true)
  expect(seen.looks).toBe(100)
})

it('gives up after some looks', () => {
  const empty = inbox(NEVER)
  expect(new Lookout(2).sees(empty)).toBe(false)
  expect(empty.looks).toBeGreaterThan(1_000)
})

it('leaves it alone where it was in vain three times, but for one try in a while', () => {
  const lookout = new Lookout(2)
  for (let i = 0; i < 3; i++) lookout.sees(inbox(NEVER))
  const tries = Array.from({ length: 64 }, () => {
    const empty = inbox(NEVER)
    lookout.sees(empty)
    return empty.looks
  })
  expect(tries.filter((looks) => looks > 0)).toHaveLength(2)
})

it('begins again once a try has paid', () => {
  const lookout = new Lookout(2)
  for (let i = 0; i < 3; i++) lookout.sees(inbox(NEVER))
  let waits = 0
  while (!lookout.sees(inbox(1))) waits++
  expect(waits).toBeLessThan(64)
  expect(lookout.sees(inbox(5))).toBe(true)
})

it('never looks where there is one processor', () => {
  const full = inbox(1)
  expect(new Lookout(1).sees(full)).toBe(false)
  expect(full.looks).toBe(0)
})
