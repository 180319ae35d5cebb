import { duplexPair } from 'node:stream'
import { virtualClock, waitFor } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { InternalError } from '../../src/errors.ts'
import { tunnelClosed, tunnelOpened } from '../../src/events.ts'
import { StreamEnd } from '../../src/tunnel/stream-end.ts'
import type { TunnelReader } from '../../src/tunnel/tunnel-end.ts'
import { Tunnel } from '../../src/tunnel/tunnel.ts'
import { makeExchange } from '../exchange.ts'
import { RecordedEnd } from './recorded-end.ts'

function opened(limits: { idleTimeoutMs?: number; maxAgeMs?: number } = {}) {
  const clock = virtualClock()
  const exchange = makeExchange({ options: { clock } })
  const client = new RecordedEnd()
  const target = new RecordedEnd()
  const tunnel = new Tunnel(target)
  Object.assign(tunnel, limits)
  let ends = 0
  tunnel.open(exchange, client, () => ends++)
  return { clock, exchange, client, target, tunnel, ends: () => ends }
}

describe('a tunnel', () => {
  it('carries bytes both ways and counts them', () => {
    const { client, target, tunnel } = opened()
    client.say('hello')
    target.say('hi')
    client.say('!')
    expect([target.written, client.written]).toEqual(['hello!', 'hi'])
    expect([tunnel.bytesFromClient, tunnel.bytesFromTarget]).toEqual([6, 2])
  })

  it('lets each side be only as fast as the other takes', () => {
    const { client, target } = opened()
    target.isFull = true
    expect(client.say('much')).toBe(false)
    expect(target.say('little')).toBe(true)
    expect(client.calls).toEqual([])
    target.empty()
    expect(client.calls).toEqual(['resume'])
    expect(client.say('more')).toBe(true)
  })

  it('is told of when it opens and when it is closed, once', () => {
    const seen: unknown[] = []
    const listen = (tunnel: Tunnel) => seen.push([tunnel, tunnel.reason])
    tunnelOpened.subscribe(listen)
    tunnelClosed.subscribe(listen)
    const { client, target, tunnel, exchange } = opened()
    expect(seen).toEqual([[tunnel, undefined]])
    expect(exchange.settings.tunnels.list).toEqual([tunnel])
    client.vanish()
    target.vanish()
    tunnelOpened.unsubscribe(listen)
    tunnelClosed.unsubscribe(listen)
    expect(seen).toEqual([
      [tunnel, undefined],
      [tunnel, 'client'],
    ])
    expect(exchange.settings.tunnels.list).toEqual([])
  })

  it('lifts the deadline that its handshake had', async () => {
    const clock = virtualClock()
    const exchange = makeExchange({ options: { clock } })
    exchange.expireAt(clock.now() + 100)
    new Tunnel(new RecordedEnd()).open(exchange, new RecordedEnd(), () => {})
    await clock.advanceAsync(1_000)
    expect(exchange.aborted).toBeUndefined()
  })
})

describe('an end that leaves in order', () => {
  it('leaves the other what was on its way, and its last words', () => {
    const { clock, client, target, tunnel, ends } = opened()
    target.leave()
    expect([client.calls, target.calls]).toEqual([['end'], []])
    client.say('bye')
    expect(target.written).toBe('bye')
    client.leave()
    expect(target.calls).toEqual(['end'])
    client.vanish()
    target.vanish()
    expect([tunnel.reason, ends(), clock.pending]).toEqual(['target', 1, 0])
  })

  it('takes one along that does not leave by itself', () => {
    const { clock, client, target, tunnel, ends } = opened()
    client.leave()
    clock.advance(499)
    expect(ends()).toBe(0)
    clock.advance(1)
    expect([client.calls, target.calls]).toEqual([['destroy'], ['end', 'destroy']])
    expect([tunnel.reason, ends(), clock.pending]).toEqual(['client', 1, 0])
  })

  it('has one that takes nothing broken off, so that what it has is not taken for the whole', () => {
    const { clock, client, target, ends } = opened()
    client.takes = false
    target.leave()
    target.vanish()
    clock.advance(1_999)
    expect(client.calls).toEqual(['end'])
    clock.advance(1)
    expect([client.calls, ends()]).toEqual([['end', 'reset'], 1])
  })
})

describe('an end that breaks', () => {
  it.each(['client', 'target'] as const)('has the other broken off at once: the %s', (name) => {
    const { clock, client, target, tunnel, ends } = opened()
    const error = new Error('reset by peer')
    const [broken, other] = name === 'client' ? [client, target] : [target, client]
    broken.vanish(error)
    expect(other.calls).toEqual(['reset'])
    expect([tunnel.reason, tunnel.error, ends(), clock.pending]).toEqual([name, error, 1, 0])
  })

  it('that does so while it is opened ends it all the same', () => {
    const exchange = makeExchange()
    const client = new RecordedEnd()
    client.open = (reader: TunnelReader) => reader.closed(undefined)
    const target = new RecordedEnd()
    let ends = 0
    const tunnel = new Tunnel(target)
    tunnel.open(exchange, client, () => ends++)
    target.vanish()
    expect([target.calls, tunnel.reason, ends]).toEqual([['reset'], 'client', 1])
  })
})

describe('limits', () => {
  it('closes both sides in order after a time without a byte either way', () => {
    const { clock, client, target, tunnel, ends } = opened({ idleTimeoutMs: 1_000 })
    for (const end of [client, target, client]) {
      clock.advance(900)
      end.say('x')
    }
    clock.advance(999)
    expect(tunnel.reason).toBeUndefined()
    clock.advance(1)
    expect([tunnel.reason, client.calls, target.calls]).toEqual(['idle', ['end'], ['end']])
    clock.advance(500)
    expect([ends(), clock.pending]).toEqual([1, 0])
  })

  it('does not take a side for idle that still takes what it was sent', () => {
    const { clock, client, target, tunnel } = opened({ idleTimeoutMs: 1_000 })
    target.isFull = true
    client.say('much')
    clock.advance(900)
    target.empty()
    clock.advance(900)
    expect(tunnel.reason).toBeUndefined()
  })

  it('closes both sides when it has lived long enough, whatever it carries', () => {
    const { clock, client, tunnel } = opened({ maxAgeMs: 1_000, idleTimeoutMs: 600 })
    clock.advance(500)
    client.say('x')
    clock.advance(500)
    expect(tunnel.reason).toBe('age')
  })

  it('has none without them', () => {
    const { clock, tunnel } = opened()
    expect(clock.pending).toBe(0)
    clock.advance(1e9)
    expect(tunnel.reason).toBeUndefined()
  })
})

describe('the end of the proxy', () => {
  it('is announced, and ends what is left when the time is over', () => {
    const { clock, exchange, client, target, tunnel } = opened()
    exchange.settings.tunnels.drain(clock, 5_000)
    expect(target.calls).toEqual(['drain 5000'])
    clock.advance(4_999)
    expect(tunnel.reason).toBeUndefined()
    clock.advance(1)
    expect([tunnel.reason, client.calls]).toEqual(['drain', ['end']])
  })

  it('is announced to those as well that open only then', () => {
    const { clock, exchange } = opened()
    exchange.settings.tunnels.drain(clock, 5_000)
    clock.advance(2_000)
    const late = new RecordedEnd()
    new Tunnel(late).open(exchange, new RecordedEnd(), () => {})
    expect(late.calls).toEqual(['drain 3000'])
  })

  it.each([
    ['ERR_SLUICE_CLOSING', 'drain'],
    ['ERR_SLUICE_INTERNAL', 'error'],
  ] as const)('shows in the reason where the exchange was given up: %s', (code, reason) => {
    const { exchange, target, tunnel } = opened()
    const error = new InternalError(code)
    exchange.abort(error)
    target.vanish()
    expect([tunnel.reason, tunnel.error]).toEqual([reason, error])
  })
})

describe('a tunnel that is never opened', () => {
  it('gives up its target', () => {
    const target = new RecordedEnd()
    new Tunnel(target).close('error')
    expect(target.calls).toEqual(['destroy'])
  })
})

describe('the end on a Node stream', () => {
  const reader = (): TunnelReader & { seen: string[]; wantsMore: boolean } => ({
    seen: [],
    wantsMore: true,
    bytes(chunk) {
      this.seen.push(chunk.toString())
      return this.wantsMore
    },
    drained() {
      this.seen.push('(room)')
    },
    ended() {
      this.seen.push('(end)')
    },
    closed(error) {
      this.seen.push(error === undefined ? '(closed)' : `(${error.message})`)
    },
  })

  it('gives what came before, pauses and goes on, and tells the end before the close', async () => {
    const [near, far] = duplexPair()
    const end = new StreamEnd(near, Buffer.from('early'))
    const read = reader()
    end.open(read)
    read.wantsMore = false
    far.write('one')
    await waitFor(() => read.seen.includes('one'))
    far.end('two')
    await new Promise(setImmediate)
    expect(read.seen).toEqual(['early', 'one'])
    end.resume()
    end.end()
    far.resume()
    await waitFor(() => read.seen.includes('(closed)'))
    expect(read.seen).toEqual(['early', 'one', 'two', '(end)', '(closed)'])
  })

  it('asks its writer to wait, and says when there is room', async () => {
    const [near, far] = duplexPair({ writableHighWaterMark: 4 })
    const end = new StreamEnd(near)
    const read = reader()
    end.open(read)
    expect(end.write(Buffer.from('more than that'))).toBe(false)
    far.resume()
    await waitFor(() => read.seen.includes('(room)'))
    expect(end.write(Buffer.from('x'))).toBe(true)
  })

  it('tells of a stream that is gone already', async () => {
    const [near] = duplexPair()
    near.on('error', () => {})
    near.destroy(new Error('gone'))
    await waitFor(() => near.closed)
    const read = reader()
    new StreamEnd(near).open(read)
    expect(read.seen).toEqual(['(gone)'])
  })
})
