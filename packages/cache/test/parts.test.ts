/** Parts of responses, where they are stored (RFC 9111, sections 3.3 and 3.4). */
import { describe, expect, it } from 'vitest'
import { setUp } from './set-up.ts'

const WHOLE = '0123456789'

/** Serves ranges of ten digits. */
function setUpParts(fields: Record<string, string> = { ETag: '"a"' }, options = {}) {
  return setUp(
    (request) => {
      const range = /^bytes=(\d+)-(\d+)$/.exec(request.header('range') ?? '')
      const headers = { 'Cache-Control': 'max-age=100', ...fields }
      if (range === null) return { headers, body: WHOLE }
      const [start, last] = [Number(range[1]), Number(range[2])]
      return {
        status: 206,
        headers: { ...headers, 'Content-Range': `bytes ${start}-${last}/10` },
        body: WHOLE.slice(start, last + 1),
      }
    },
    { storePartial: true, ...options },
  )
}

describe('a stored part', () => {
  it('answers ranges that lie within it, and no others', async () => {
    const { get, fake } = setUpParts()
    await get('/', { Range: 'bytes=4-9' })
    for (const [range, text, content] of [
      ['bytes=4-9', '456789', 'bytes 4-9/10'],
      ['bytes=6-8', '678', 'bytes 6-8/10'],
      ['bytes=6-', '6789', 'bytes 6-9/10'],
      ['bytes=-1', '9', 'bytes 9-9/10'],
    ] as const) {
      const reply = await get('/', { Range: range })
      expect([reply.status, reply.text, reply.header('content-range')]).toEqual([206, text, content])
      expect(reply.header('cache-status')).toMatch(/hit/)
    }
    expect(fake.requests).toHaveLength(1)
    expect((await get('/', { Range: 'bytes=3-5' })).text).toBe('345')
    expect((await get()).text).toBe(WHOLE)
    expect(fake.requests).toHaveLength(3)
  })

  it('joins others of the same strong entity tag, and becomes the whole', async () => {
    const { get, fake, cache } = setUpParts()
    await get('/', { Range: 'bytes=4-6' })
    await get('/', { Range: 'bytes=2-4' })
    expect((await get('/', { Range: 'bytes=2-6' })).text).toBe('23456')
    expect(fake.requests).toHaveLength(2)
    await get('/', { Range: 'bytes=0-1' })
    await get('/', { Range: 'bytes=7-9' })
    const whole = await get()
    expect([whole.status, whole.text, whole.header('content-range')]).toEqual([200, WHOLE, undefined])
    expect(fake.requests).toHaveLength(4)
    expect(cache.snapshot().store.entries).toBe(1)
  })

  it.each([{}, { ETag: 'W/"a"' }])('never joins others without one: %o', async (fields) => {
    const { get, fake } = setUpParts(fields)
    await get('/', { Range: 'bytes=0-4' })
    await get('/', { Range: 'bytes=5-9' })
    expect((await get()).text).toBe(WHOLE)
    expect(fake.requests).toHaveLength(3)
  })

  it('never joins a part of another representation', async () => {
    const { get, answer } = setUpParts()
    await get('/', { Range: 'bytes=0-4' })
    answer({
      status: 206,
      headers: { 'Cache-Control': 'max-age=100', ETag: '"b"', 'Content-Range': 'bytes 5-9/10' },
      body: 'VWXYZ',
    })
    await get('/', { Range: 'bytes=5-9' })
    answer({ headers: { 'Cache-Control': 'max-age=100', ETag: '"b"' }, body: 'QRSTUVWXYZ' })
    expect((await get()).text).toBe('QRSTUVWXYZ')
  })

  it('is none where it is not what it says', async () => {
    const { get, answer, cache } = setUpParts()
    answer({ status: 206, headers: { 'Cache-Control': 'max-age=100', 'Content-Range': 'bytes 0-9/10' }, body: 'abc' })
    await get('/', { Range: 'bytes=0-9' })
    answer({ status: 206, headers: { 'Cache-Control': 'max-age=100', 'Content-Range': 'x' }, body: 'abc' })
    await get('/', { Range: 'bytes=0-9' })
    expect(cache.snapshot().stored).toBe(0)
  })

  it('is gone after a purge, and once it is stale', async () => {
    const { get, cache, fake, wait } = setUpParts()
    await get('/', { Range: 'bytes=0-4' })
    await cache.purge({ url: 'http://localhost/' })
    await get('/', { Range: 'bytes=0-4' })
    expect(fake.requests).toHaveLength(2)
    await wait(101)
    await get('/', { Range: 'bytes=0-4' })
    expect(fake.requests).toHaveLength(3)
  })
})
