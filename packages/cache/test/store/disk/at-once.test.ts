/** Work of which only so much is done at the same time. */
import { expect, it } from 'vitest'
import { AtOnce } from '../../../src/store/disk/at-once.ts'

it('is begun in order, never more at once than allowed, whatever becomes of it', async () => {
  const gate = new AtOnce(3)
  const state = { running: 0, most: 0, begun: [] as number[] }
  const work = async (number: number): Promise<number> => {
    state.begun.push(number)
    state.most = Math.max(state.most, ++state.running)
    await new Promise((resolve) => setImmediate(resolve))
    state.running--
    if (number % 5 === 0) throw new Error(`${number}`)
    return number
  }
  const all = await Promise.allSettled(
    Array.from({ length: 50 }, async (_, i) => await gate.run(async () => await work(i))),
  )
  expect(state).toEqual({ running: 0, most: 3, begun: Array.from({ length: 50 }, (_, i) => i) })
  expect(all.filter(({ status }) => status === 'rejected')).toHaveLength(10)
  // There is room for as much again.
  const again = [
    gate.run(async () => await work(51)),
    gate.run(async () => await work(52)),
    gate.run(async () => await work(53)),
  ]
  expect(state.running).toBe(3)
  await Promise.all(again)
})
