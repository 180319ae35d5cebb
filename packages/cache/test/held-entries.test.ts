/** What is stored goes while a request holds it: whoever asked for it gets it whole all the same, and never another's bytes. */
import { expect, it } from 'vitest'
import { memoryStore } from '../src/index.ts'
import { setUp } from './set-up.ts'

const OTHERS = 400
const SMALL = 'the body that was stored first'
const LARGE = `${SMALL} `.repeat(2_000)

const departures = {
  'is purged': async ({ cache }) => void (await cache.purge({ url: 'http://localhost/' })),
  'is purged with everything': async ({ cache }) => void (await cache.purge({ all: true })),
  'is purged softly': async ({ cache }) => void (await cache.purge({ all: true }, { soft: true })),
  'is evicted': async () => {},
} satisfies Record<string, (set: ReturnType<typeof setUp>) => Promise<void>>

it.each(
  Object.keys(departures).flatMap((departure) =>
    ([SMALL, LARGE, ''] as const).flatMap((body) =>
      (['confirmed', 'failed'] as const).map((outcome) => ({ departure, body, outcome, bytes: body.length })),
    ),
  ),
)('it $departure while it is asked whether it still holds: $outcome, $bytes bytes', async (each) => {
  const { departure, body, outcome } = each
  let settle = (): void => {}
  const settled = new Promise<void>((resolve) => (settle = resolve))
  const set = setUp(
    async (request) => {
      const { path } = request
      if (path !== '/') return { headers: { 'Cache-Control': 'max-age=9' }, body: `${path} `.repeat(20) }
      if (request.header('if-none-match') === undefined)
        return { headers: { 'Cache-Control': 'max-age=9, stale-if-error=900', ETag: '"a"' }, body }
      await settled
      return outcome === 'confirmed' ? { status: 304, headers: { 'X-Confirmed': 'yes' } } : { status: 503 }
    },
    { store: memoryStore({ maxBytes: 262_144, maxEntryBytes: 100_000 }) },
  )
  expect((await set.get()).text).toBe(body)
  await set.wait(20)
  const asking = set.get()
  const ranged = set.get('/', { Range: 'bytes=4-7' })
  const head = set.send({ method: 'HEAD' })
  await set.wait(0)
  await departures[departure as keyof typeof departures](set)
  for (let i = 0; i < OTHERS; i++) await set.get(`/${i}`)
  settle()
  const replies = await Promise.all([asking, ranged, head])
  expect(replies.map(({ status }) => status)).toEqual([200, body === '' ? 416 : 206, 200])
  expect(replies.map(({ text }) => text)).toEqual([body, body.slice(4, 8), ''])
  expect(replies[0].header('x-confirmed')).toBe(outcome === 'confirmed' ? 'yes' : undefined)
  expect(set.errors).toEqual([])
})
