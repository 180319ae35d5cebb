/** A body that several read: what is kept for whom, who waits for whom, and for how long. */
import { virtualClock } from '@sluice/testing'
import type { BodyFlow, BodySink } from '@sluice/wire'
import { describe, expect, it } from 'vitest'
import { SharedBody } from '../../src/flight/shared-body.ts'

const CHUNK = 65_536

/** Reads until it is told to wait. */
class Reader implements BodySink {
  bytes = 0
  outcome: 'reading' | 'whole' | Error = 'reading'
  flow!: BodyFlow
  isSlow: boolean

  constructor(isSlow = false) {
    this.isSlow = isSlow
  }

  begin(flow: BodyFlow): void {
    this.flow = flow
  }

  write(chunk: Uint8Array): boolean {
    this.bytes += chunk.byteLength
    return !this.isSlow
  }

  end(): void {
    this.outcome = 'whole'
  }

  abort(error: Error): void {
    this.outcome = error
  }
}

function setUp(maxBytes = 10 * CHUNK, keeps = (): boolean => true) {
  const clock = virtualClock()
  const events: string[] = []
  const flow = { resumed: 0, cancelled: undefined as Error | undefined }
  const body = new SharedBody(undefined, {
    clock,
    maxBytes,
    keep: keeps,
    dropped: () => events.push('dropped'),
    ended: (error) => events.push(error === undefined ? 'whole' : 'broken'),
  })
  body.begin({ resume: () => flow.resumed++, cancel: (error) => (flow.cancelled = error) })
  return {
    clock,
    events,
    flow,
    body,
    read: (isSlow = false) => {
      const reader = new Reader(isSlow)
      body.newBody().pipe(reader)
      return reader
    },
    write: () => body.write(new Uint8Array(CHUNK)),
  }
}

describe('while it may be stored', () => {
  it('a slow reader holds up nobody, and gets all of it in the end', () => {
    const { read, write, body, events } = setUp()
    const [slow, quick] = [read(true), read()]
    for (let i = 0; i < 10; i++) expect(write()).toBe(true)
    body.end()
    expect([slow.bytes, slow.outcome, quick.bytes, quick.outcome]).toEqual([CHUNK, 'reading', 10 * CHUNK, 'whole'])
    expect(events).toEqual(['whole'])
    slow.isSlow = false
    slow.flow.resume()
    expect([slow.bytes, slow.outcome]).toEqual([10 * CHUNK, 'whole'])
  })

  it('whoever comes later gets it from the start', () => {
    const { read, write, body } = setUp()
    write()
    write()
    const late = read()
    expect([body.isOpen, late.bytes]).toEqual([true, 2 * CHUNK])
    body.end()
    expect(late.outcome).toBe('whole')
  })

  it('it goes on with nobody to read it', () => {
    const { read, write, flow, body, events } = setUp()
    const reader = read()
    reader.flow.cancel(new Error('gone'))
    write()
    body.end()
    expect([reader.bytes, flow.cancelled, events]).toEqual([0, undefined, ['whole']])
  })
})

describe('once it is not stored', () => {
  it.each([
    ['too large', setUp.bind(undefined, CHUNK)],
    ['given up by the store', setUp.bind(undefined, 10 * CHUNK, () => false)],
  ])('%s: nobody may join, and who reads goes on', (_, set) => {
    const { read, write, body, events } = set()
    const reader = read()
    for (let i = 0; i < 8; i++) write()
    expect([body.isOpen, reader.bytes]).toEqual([false, 8 * CHUNK])
    body.end()
    expect([events, reader.outcome]).toEqual([['dropped', 'whole'], 'whole'])
  })

  it('it is held up for its one reader, and cancelled when that leaves', () => {
    const { read, write, flow, events, clock } = setUp(0)
    const slow = read(true)
    let written = 0
    while (write()) written++
    expect(written).toBeLessThan(8)
    clock.advance(3_600_000)
    expect(slow.outcome).toBe('reading')
    slow.isSlow = false
    slow.flow.resume()
    expect([slow.bytes, flow.resumed]).toEqual([(written + 1) * CHUNK, 1])
    const gone = new Error('gone')
    slow.flow.cancel(gone)
    expect([flow.cancelled, events]).toEqual([gone, ['dropped', 'broken']])
  })

  it('it is held up for the slowest for a while; then that one is cut off', () => {
    const { read, write, flow, body, clock } = setUp(0)
    const [slow, quick] = [read(true), read()]
    while (write());
    clock.advance(9_999)
    expect([slow.outcome, flow.resumed]).toEqual(['reading', 0])
    clock.advance(1)
    expect(slow.outcome).toBeInstanceOf(Error)
    expect(flow.resumed).toBe(1)
    write()
    body.end()
    expect([quick.outcome, slow.bytes]).toEqual(['whole', CHUNK])
  })

  it('one who catches up in time is not cut off', () => {
    const { read, write, clock, flow } = setUp(0)
    const [slow, quick] = [read(true), read()]
    while (write());
    clock.advance(5_000)
    slow.isSlow = false
    slow.flow.resume()
    clock.advance(60_000)
    expect([slow.bytes, slow.outcome, flow.resumed]).toEqual([quick.bytes, 'reading', 1])
  })
})

it('breaks off for all where it breaks off', () => {
  const { read, write, body, events } = setUp()
  const [reader, slow] = [read(), read(true)]
  write()
  write()
  const error = new Error('broken')
  body.abort(error)
  expect([reader.outcome, slow.outcome, body.isOpen]).toEqual([error, 'reading', false])
  slow.flow.resume()
  slow.flow.resume()
  expect([slow.outcome, events]).toEqual([error, ['broken']])
})
