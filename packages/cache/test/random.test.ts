/**
 * Thousands of requests at random against an upstream that fails at random: whatever is served is whole, is of the URL and the variant that was asked for, and
 * is no older than it may be. What a client has changed through the gateway, nobody gets the old version of afterwards.
 */
import { createHash } from 'node:crypto'
import { type Answer, type RecordedRequest, seededRandom } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { memoryStore } from '../src/index.ts'
import { lateStore } from './late-store.ts'
import { setUp } from './set-up.ts'

const PATHS = ['/a', '/b', '/c', '/d?x=1', '/d?x=2']
const LANGUAGES = ['de', 'en', 'fr']
const MAX_AGE_MS = 5_000
const STALE_MS = 3_000

interface Content {
  readonly path: string
  readonly language: string
  readonly version: number
  readonly filling: string
}

const sumOf = (text: string): string => createHash('sha256').update(text).digest('hex')

describe.each([
  ['a store in memory', memoryStore({ maxBytes: 1_048_576 })],
  ['a store too small for all of it', memoryStore({ maxBytes: 65_536 })],
  ['a store that answers late', lateStore()],
])('with %s', (_, store) => {
  it.each([1, 2])('nothing wrong is served (seed %d)', async (seed) => {
    const random = seededRandom(seed)
    const chance = (share: number): boolean => random() < share
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
    /** When each version of a path came into being. */
    const versions = new Map(PATHS.map((path) => [path, [0]]))
    const current = (path: string): number => versions.get(path)!.length - 1

    const fresh = (request: RecordedRequest): Answer => {
      const { path } = request
      const language = request.header('accept-language') ?? ''
      const content: Content = {
        path,
        language,
        version: current(path),
        filling: 'x'.repeat(Math.floor(random() * 3_000)),
      }
      const text = JSON.stringify(content)
      const etag = `"${path}-${language}-${content.version}"`
      const headers = {
        'Cache-Control': chance(0.1)
          ? 'no-store'
          : `max-age=${MAX_AGE_MS / 1_000}, stale-while-revalidate=${STALE_MS / 1_000}, stale-if-error=${STALE_MS / 1_000}`,
        ETag: etag,
        Vary: 'Accept-Language',
        'Surrogate-Key': path,
      }
      if (request.header('if-none-match')?.split(', ').includes(etag) === true) return { status: 304, headers }
      const whole = `${sumOf(text)}${text}`
      const body = chance(0.5) ? whole : [whole.slice(0, 40), whole.slice(40)]
      return {
        headers,
        body,
        ...(chance(0.05) ? { abortAfterBytes: 20 } : {}),
        ...(chance(0.8) ? { delayMs: random() * 800 } : {}),
      }
    }
    const { proxy, clock, cache, errors } = setUp(
      (request) => {
        if (request.method === 'POST') {
          versions.get(request.path)!.push(clock.wallTime())
          return { status: 204 }
        }
        if (chance(0.03)) return { reset: true }
        return chance(0.03) ? { status: 503 } : fresh(request)
      },
      { store },
    )

    let whole = 0
    let broken = 0
    const get = async (path: string, language: string): Promise<void> => {
      const asked = { at: clock.wallTime(), atLeast: known.get(path)! }
      const headers = { 'Accept-Language': language, ...(chance(0.05) ? { 'Cache-Control': 'no-cache' } : {}) }
      const reply = await proxy.inject({ path, headers })
      if (chance(0.03)) reply.exchange.abort()
      try {
        const text = await reply.text()
        if (reply.status !== 200) return void broken++
        const content = JSON.parse(text.slice(64)) as Content
        expect(sumOf(text.slice(64))).toBe(text.slice(0, 64))
        expect([content.path, content.language]).toEqual([path, language])
        expect(content.version).toBeGreaterThanOrEqual(asked.atLeast)
        // The version after it came into being no longer ago than a response may be used.
        const replacedAt = versions.get(path)![content.version + 1] ?? Number.POSITIVE_INFINITY
        expect(replacedAt).toBeGreaterThan(asked.at - MAX_AGE_MS - STALE_MS - 1_000)
        whole++
      } catch (error) {
        if (!(error as Error & { code?: string }).code?.startsWith('ERR_SLUICE_')) throw error
        broken++
      }
    }
    /** The version that whoever asks now has to get, or a later one. */
    const known = new Map(PATHS.map((path) => [path, 0]))
    const change = async (path: string): Promise<void> => {
      const reply = await proxy.inject({ path, method: 'POST', body: 'x' })
      if (reply.status === 204) known.set(path, current(path))
    }
    const purge = async (path: string): Promise<void> => {
      versions.get(path)!.push(clock.wallTime())
      const version = current(path)
      await cache.purge(pick([{ url: `http://localhost${path}` }, { tags: [path] }]))
      known.set(path, Math.max(known.get(path)!, version))
    }

    const running = new Set<Promise<void>>()
    for (let i = 0; i < 2_000; i++) {
      const path = pick(PATHS)
      const call = chance(0.04) ? change(path) : chance(0.03) ? purge(path) : get(path, pick(LANGUAGES))
      running.add(call)
      call.then(
        () => running.delete(call),
        (error: unknown) => void errors.push(error),
      )
      // Changes behind the gateway's back, of which it learns in time.
      if (chance(0.01)) versions.get(pick(PATHS))!.push(clock.wallTime())
      if (chance(0.2)) await clock.advanceAsync(random() * 300)
    }
    for (let i = 0; i < 50 && running.size > 0; i++) await clock.advanceAsync(1_000)
    await Promise.allSettled(running)
    expect(errors).toEqual([])
    expect(whole).toBeGreaterThan(1_200)
    expect(broken).toBeGreaterThan(0)
    const { hits, collapsed, stored, stale, revalidated } = cache.snapshot()
    for (const count of [hits, collapsed, stored, stale, revalidated]) expect(count).toBeGreaterThan(0)
    await clock.advanceAsync(60_000)
    expect(proxy.inFlight).toBe(0)
  })
})
