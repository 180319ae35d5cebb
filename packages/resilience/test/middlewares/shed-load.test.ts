import { ConfigError } from '@sluice/core'
import { seededRandom } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { loadShed, shedLoad, type ShedLoadOptions } from '../../src/index.ts'
import { eventLoopDelay } from '../../src/middlewares/event-loop-delay.ts'
import { codeOf, record, setUp } from './set-up.ts'

function loaded(options: ShedLoadOptions = {}, random = () => 0.5) {
  let delayMs = 0
  let looks = 0
  const shedder = shedLoad({
    delayMs: () => {
      looks++
      return delayMs
    },
    classOf: { header: 'X-Class' },
    ...options,
  })
  const set = setUp({ use: [shedder], random })
  return {
    ...set,
    shedder,
    looks: () => looks,
    /** From now on, and seen. */
    delay: async (ms: number) => {
      delayMs = ms
      await set.clock.advanceAsync(250)
    },
    statusOf: async (priorityClass: number | string) =>
      (await set.inject({ headers: { 'X-Class': String(priorityClass) } })).status,
  }
}

describe('shedding', () => {
  it('turns nothing away while the loop keeps up', async () => {
    const { delay, statusOf } = loaded()
    await delay(50)
    expect([await statusOf(0), await statusOf(2)]).toEqual([200, 200])
  })

  it('turns away what matters least first, and what matters most last', async () => {
    const { delay, statusOf } = loaded()
    const seen: number[][] = []
    for (const ms of [0, 101, 201, 401]) {
      await delay(ms)
      seen.push([await statusOf(0), await statusOf(1), await statusOf(2)])
    }
    expect(seen).toEqual([
      [200, 200, 200],
      [200, 200, 503],
      [200, 503, 503],
      [503, 503, 503],
    ])
  })

  it('answers 503 with Retry-After, and says so', async () => {
    const events = record(loadShed)
    const { delay, inject, shedder } = loaded({ retryAfterMs: 4_000 })
    await delay(1_000)
    const reply = await inject({ headers: { 'X-Class': '1' } })
    expect([reply.status, reply.headers.get('retry-after'), await codeOf(reply)]).toEqual([
      503,
      '4',
      'ERR_SLUICE_LOAD_SHED',
    ])
    expect(events).toMatchObject([{ priorityClass: 1, delayMs: 1_000 }])
    expect(shedder.snapshot()).toEqual({ delayMs: 1_000, shares: [1, 1, 1], refused: 1 })
  })

  it('turns a part away at first, by chance', async () => {
    const { delay, statusOf, shedder } = loaded({ thresholdsMs: [[100, 200]], releaseRatio: 1 }, seededRandom(3))
    await delay(125)
    expect(shedder.snapshot().shares).toEqual([0])
    let refused = 0
    for (let i = 0; i < 1_000; i++) if ((await statusOf(0)) === 503) refused++
    expect(shedder.snapshot()).toMatchObject({ shares: [0.25], refused })
    expect(refused).toBeGreaterThan(210)
    expect(refused).toBeLessThan(290)
  })

  it('once begun, goes on until the delay is well below where it began', async () => {
    const { delay, shedder, statusOf } = loaded({ thresholdsMs: [[100, 200]], releaseRatio: 0.8 }, () => 0)
    const shares: number[] = []
    for (const ms of [90, 100, 110, 90, 81, 80, 90]) {
      await delay(ms)
      await statusOf(0)
      shares.push(Number(shedder.snapshot().shares[0]!.toFixed(3)))
    }
    expect(shares).toEqual([0, 0, 0.25, 0.083, 0.008, 0, 0])
  })

  it('looks at the delay once in an interval, not for each request', async () => {
    const { clock, inject, looks } = loaded({ intervalMs: 100 })
    for (let i = 0; i < 10; i++) await inject()
    expect(looks()).toBe(1)
    await clock.advanceAsync(99)
    await inject()
    expect(looks()).toBe(1)
    await clock.advanceAsync(1)
    await inject()
    expect(looks()).toBe(2)
    expect(clock.pending).toBe(0)
  })
})

describe('classes', () => {
  it('from a field that is not there, or no number, are the last, or as given', async () => {
    const { delay, inject, statusOf } = loaded()
    await delay(101)
    expect([(await inject()).status, await statusOf('high'), await statusOf(7)]).toEqual([503, 503, 503])
    const other = loaded({ classOf: { header: 'X-Class', fallback: 0 } })
    await other.delay(101)
    expect([(await other.inject()).status, await other.statusOf(7)]).toEqual([200, 503])
  })

  it('may be told by a function, out of range or not', async () => {
    const { delay, inject } = loaded({ classOf: (exchange) => Number(exchange.request.query.get('class')) })
    await delay(101)
    const of = async (text: string) => (await inject({ path: `/?class=${text}` })).status
    expect([await of('0'), await of('-3'), await of('1.9'), await of('99')]).toEqual([200, 200, 200, 503])
  })

  it('are all one by default', async () => {
    const set = setUp({ use: [shedLoad({ delayMs: () => 199 })] })
    expect((await set.inject()).status).toBe(200)
  })
})

describe('options', () => {
  it.each<[path: string, options: unknown]>([
    ['shedLoad.thresholdsMs', { thresholdsMs: [] }],
    ['shedLoad.thresholdsMs[0]', { thresholdsMs: [50] }],
    [
      'shedLoad.thresholdsMs[1][0]',
      {
        thresholdsMs: [
          [50, 100],
          [-1, 3],
        ],
      },
    ],
    ['shedLoad.thresholdsMs[0][1]', { thresholdsMs: [[50, 50]] }],
    ['shedLoad.classOf', { classOf: 'x-class' }],
    ['shedLoad.classOf.header', { classOf: { header: '' } }],
    ['shedLoad.classOf.fallback', { classOf: { header: 'a', fallback: -1 } }],
    ['shedLoad.intervalMs', { intervalMs: 0 }],
    ['shedLoad.releaseRatio', { releaseRatio: 1.1 }],
    ['shedLoad.retryAfterMs', { retryAfterMs: -1 }],
    ['shedLoad.delayMs', { delayMs: 5 }],
  ])('%s is refused', (path, options) => {
    const build = () => shedLoad(options as ShedLoadOptions)
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(expect.objectContaining({ path }))
  })
})

describe('the delay of the event loop', () => {
  it('is the mean of what came since the last look, without the time between two samples', () => {
    const samples: number[] = []
    const source = eventLoopDelay(() => ({
      count: samples.length,
      mean: (samples.reduce((sum, each) => sum + each, 0) / samples.length) * 1_000_000,
    }))
    expect(source()).toBe(0)
    samples.push(20, 20)
    expect(source()).toBe(0)
    samples.push(120, 40)
    expect(source()).toBeCloseTo(60)
    // Nothing new: the same again.
    expect(source()).toBeCloseTo(60)
    samples.push(19)
    expect(source()).toBe(0)
  })

  it('is seen when something blocks it', async () => {
    const one = eventLoopDelay()
    const other = eventLoopDelay()
    one()
    const turn = async (ms: number) => await new Promise((resolve) => setTimeout(resolve, ms))
    await turn(30)
    one()
    const block = new Int32Array(new SharedArrayBuffer(4))
    for (let i = 0; i < 2; i++) {
      // Nothing else runs for 150 ms.
      Atomics.wait(block, 0, 0, 150)
      await turn(1)
    }
    expect(one()).toBeGreaterThan(30)
    expect(other()).toBeGreaterThan(0)
  })
})
