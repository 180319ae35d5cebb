import { virtualClock } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { InFlight } from '../src/in-flight.ts'
import { createProxy, type Exchange, Reply } from '../src/index.ts'
import { makeExchange } from './exchange.ts'

describe('InFlight', () => {
  it('drains at once when there is nothing', async () => {
    const clock = virtualClock()
    await new InFlight().drain(clock, 1_000)
    expect(clock.pending).toBe(0)
  })

  it('drains when the last exchange has ended, and takes its timer back', async () => {
    const clock = virtualClock()
    const inFlight = new InFlight()
    const [one, two] = [makeExchange(), makeExchange()]
    inFlight.add(one)
    inFlight.add(two)
    let isDrained = false
    const drained = inFlight.drain(clock, 1_000).then(() => (isDrained = true))
    inFlight.delete(one)
    await clock.advanceAsync(999)
    expect([isDrained, inFlight.size]).toEqual([false, 1])
    inFlight.delete(two)
    await drained
    expect(clock.pending).toBe(0)
    expect(two.aborted).toBeUndefined()
  })

  it('aborts what is left when the time is up, and waits no longer', async () => {
    const clock = virtualClock()
    const inFlight = new InFlight()
    const exchange = makeExchange()
    inFlight.add(exchange)
    const drained = inFlight.drain(clock, 1_000)
    clock.advance(1_000)
    await drained
    expect(exchange.aborted).toMatchObject({ code: 'ERR_SLUICE_CLOSING' })
  })
})

describe('close()', () => {
  it('waits for exchanges under way, once', async () => {
    const clock = virtualClock()
    const held = Promise.withResolvers<Reply>()
    let seen: Exchange | undefined
    const proxy = createProxy({ clock }).handle(async (x) => {
      seen = x
      return await held.promise
    })
    const reply = proxy.inject()
    expect(proxy.inFlight).toBe(1)
    const closed = proxy.close({ drainMs: 5_000 })
    expect(proxy.close()).toBe(closed)
    await clock.advanceAsync(4_000)
    held.resolve(Reply.empty(200))
    await closed
    expect((await reply).status).toBe(200)
    expect(seen?.aborted).toBeUndefined()
    expect(proxy.inFlight).toBe(0)
  })
})
