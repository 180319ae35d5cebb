import { describe, expect, it } from 'vitest'
import { type Attempt, mayPick, type Target, wasTried } from '../../src/index.ts'
import { ABC, heldUpstream } from './held-upstream.ts'

const targetWith = (active: number, maxActive: number) => ({ active, maxActive }) as Target
const triedAt = (...targets: readonly Target[]) => targets.map((target) => ({ target }) as Attempt)

describe('mayPick', () => {
  it.each([
    [0, 1, true],
    [1, 1, false],
    [2, 1, false],
    [1_000_000, Number.POSITIVE_INFINITY, true],
  ])('asks for room: %d under way of %d', (active, maxActive, expected) => {
    expect(mayPick(targetWith(active, maxActive), [])).toBe(expected)
  })

  it('refuses what an earlier attempt went to, by object', () => {
    const [a, b, c] = [targetWith(0, 5), targetWith(0, 5), targetWith(0, 5)]
    expect([a, b, c].map((target) => mayPick(target, triedAt(a, c)))).toEqual([false, true, false])
    expect([a, b, c].map((target) => wasTried(target, triedAt(a, c)))).toEqual([true, false, true])
  })
})

describe('a balancer', () => {
  it('is told the list when it changes, never for a request', async () => {
    const lists: string[] = []
    const { upstream, send, held } = heldUpstream({
      balancer: () => ({
        name: 'first',
        update: (targets) =>
          void lists.push(targets.map(({ url, effectiveWeight }) => url.hostname[0]! + effectiveWeight).join(' ')),
        pick: (_exchange, tried) => upstream.targets.find((target) => mayPick(target, tried)),
      }),
    })
    await send()
    await held[0]!.answer()
    expect(lists).toEqual(['a1 b1 c1'])
    upstream.update(ABC[1]!, { weight: 4 })
    upstream.update(ABC[0]!, { state: 'drain' })
    upstream.replace([ABC[2]!, 'http://d.test'])
    expect(lists.slice(1)).toEqual(['a1 b4 c1', 'b4 c1', 'c1 d1'])
  })

  it('that finds nothing untried is asked once more, as if nothing had been tried', async () => {
    const asked: number[] = []
    const { send, held, upstream } = heldUpstream({
      targets: ABC.slice(0, 1),
      middleware: async (exchange, next) => {
        await next(exchange.branch())
        return await next(exchange.branch())
      },
      balancer: () => ({
        name: 'first',
        update() {},
        pick: (_exchange, tried) => {
          asked.push(tried.length)
          return upstream.targets.find((target) => mayPick(target, tried))
        },
      }),
    })
    const sent = await send()
    await held[0]!.answer({ status: 500 })
    await held[1]!.answer()
    expect(asked).toEqual([0, 1, 0])
    expect(sent.reply?.status).toBe(200)
  })
})
