import { defineMiddleware, type Exchange, Reply } from '@sluice/core'
import { Body } from '@sluice/wire'
import { describe, expect, it } from 'vitest'
import { concurrencyQuota, type ConcurrencyQuotaOptions, limitRefused } from '../src/index.ts'
import { record, setUp } from './set-up.ts'

/** A gateway whose exchanges wait, each until it is let go on. */
function held(options: ConcurrencyQuotaOptions) {
  const quota = concurrencyQuota(options)
  const inside: {
    readonly exchange: Exchange
    readonly reply: (reply: Reply) => void
    readonly fail: (error: Error) => void
  }[] = []
  const hold = defineMiddleware(
    'hold',
    (exchange) => new Promise<Reply>((reply, fail) => inside.push({ exchange, reply, fail })),
  )
  return { ...setUp([quota, hold]), quota, inside }
}

describe('a quota', () => {
  it('lets so many of one key in at once, and refuses the others with 429', async () => {
    const events = record(limitRefused)
    const { from, inside, quota } = held({ max: 2 })
    const first = from('192.0.2.1')
    const second = from('192.0.2.1')
    const third = await from('192.0.2.1')
    expect(third.headers.toJSON()).toMatchObject({
      'retry-after': '1',
      'ratelimit-policy': '"in-flight";q=2;qu="concurrent-requests"',
      ratelimit: '"in-flight";r=0',
    })
    expect([third.status, await third.json()]).toMatchObject([429, { 'violated-policies': ['in-flight'] }])
    void from('192.0.2.2')
    expect(inside).toHaveLength(3)
    expect(quota.snapshot()).toMatchObject({ inFlight: 3, admitted: 3, refused: 1, store: { keys: 2 } })
    expect(events).toMatchObject([{ policies: ['in-flight'], shadow: false, retryAfterMs: 1_000 }])
    for (const { reply } of inside) reply(Reply.text('done'))
    expect([(await first).headers.get('ratelimit'), (await second).headers.get('ratelimit')]).toEqual([
      '"in-flight";r=1',
      '"in-flight";r=0',
    ])
    expect(quota.snapshot()).toMatchObject({ inFlight: 0, store: { keys: 0 } })
  })

  it('holds a place until the body has ended, and gives it back once', async () => {
    const { from, inside, quota } = held({ max: 1 })
    const pending = from('192.0.2.1')
    const source = {
      start: (sink: { write(chunk: Uint8Array): boolean; end(): void }) => {
        sink.write(Buffer.from('body'))
        sink.end()
      },
      resume() {},
      cancel() {},
    }
    inside[0]!.reply(new Reply(200, undefined, Body.from(source)))
    const reply = await pending
    expect((await from('192.0.2.1')).status).toBe(429)
    await reply.text()
    expect(quota.snapshot()).toMatchObject({ inFlight: 0, store: { keys: 0 } })
    void from('192.0.2.1')
    expect(inside).toHaveLength(2)
  })

  it('frees the place of an exchange that fails or is given up', async () => {
    const { from, inside, quota } = held({ max: 1 })
    const failing = from('192.0.2.1')
    inside[0]!.fail(new TypeError('a fault'))
    expect((await failing).status).toBe(500)
    const aborted = from('192.0.2.1')
    inside[1]!.exchange.abort()
    inside[1]!.fail(inside[1]!.exchange.aborted!)
    expect((await aborted).status).toBe(499)
    expect(quota.snapshot().inFlight).toBe(0)
  })

  it('in shadow refuses nobody', async () => {
    const events = record(limitRefused)
    const { from, inside, quota } = held({ max: 1, shadow: true })
    void from('192.0.2.1')
    void from('192.0.2.1')
    expect(inside).toHaveLength(2)
    expect(events).toMatchObject([{ shadow: true }])
    expect(quota.snapshot()).toMatchObject({ inFlight: 1, admitted: 1, refused: 1 })
  })

  it('does not count whom it lets bypass, nor what has no key', async () => {
    const bypassed = held({ max: 1, bypass: { addresses: ['192.0.2.1'] } })
    void bypassed.from('192.0.2.1')
    void bypassed.from('192.0.2.1')
    expect(bypassed.inside).toHaveLength(2)
    const keyless = held({ max: 1, key: () => undefined })
    void keyless.from('192.0.2.1')
    void keyless.from('192.0.2.1')
    expect(keyless.inside).toHaveLength(2)
  })
})
