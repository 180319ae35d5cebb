/** The store against a model that does the same by looking at everything: whatever is done, they agree on what is found. */
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { type EntryHead, memoryStore, type PurgeSelector } from '../../../src/index.ts'
import { headOf, services, write } from '../set-up.ts'

interface ModelEntry {
  readonly head: EntryHead
  readonly body: string
  readonly staleSince: number | undefined
}

const HOUR = 3_600_000
const number = fc.nat({ max: 7 })
const url = fc.tuple(fc.constantFrom('a', 'b', 'a/b', 'a/bc', 'ä'), number).map(([path, n]) => `https://x/${path}/${n}`)
const tags = fc.array(fc.constantFrom('red', 'green', 'blue'), { maxLength: 4 })
const selector: fc.Arbitrary<PurgeSelector> = fc.oneof(
  url.map((url) => ({ url })),
  fc.constantFrom('https://x/a', 'https://x/a/', 'https://x/a/b', 'https://y', '').map((prefix) => ({ prefix })),
  tags.map((tags) => ({ tags })),
  fc.constant({ all: true as const }),
)
const operation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant('write' as const),
      url,
      variant: number,
      tags,
      body: fc.string({ maxLength: 20 }),
      livesMs: fc.integer({ min: 1, max: 4 * HOUR }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constant('update' as const), url, variant: number, tags, isCurrent: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constant('delete' as const), url, variant: number, isCurrent: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('purge' as const), selector, soft: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('wait' as const), ms: fc.nat({ max: HOUR }) }) },
)

function means(selector: PurgeSelector, { url, tags }: EntryHead): boolean {
  if ('url' in selector) return url === selector.url
  if ('prefix' in selector) return url.startsWith(selector.prefix)
  return 'all' in selector || selector.tags.some((tag) => tags.includes(tag))
}

it('finds what a naive store would find', () => {
  fc.assert(
    fc.property(fc.array(operation, { minLength: 50, maxLength: 300 }), (operations) => {
      const set = services()
      const store = memoryStore({ maxBytes: 8 * 1024 * 1024 })(set)
      const model = new Map<string, ModelEntry>()
      const now = () => set.clock.wallTime()
      const standing = (key: string) => {
        const entry = model.get(key)
        // Seconds are as exact as the store is.
        if (entry === undefined || Math.ceil(entry.head.expiresAt / 1_000) * 1_000 > now()) return entry
        model.delete(key)
        return undefined
      }
      for (const each of operations) {
        const key = 'url' in each ? `${each.url} ${each.variant}` : ''
        const old = standing(key)
        if (each.what === 'wait') set.clock.advance(each.ms)
        else if (each.what === 'write') {
          const head = headOf({ url: each.url, tags: each.tags, expiresAt: now() + each.livesMs })
          const body = Buffer.from(each.body).toString('latin1')
          write(store, key, head, Buffer.from(each.body))
          model.set(key, { head, body, staleSince: undefined })
        } else if (each.what === 'update') {
          const id = each.isCurrent && old !== undefined ? old.head.id : 'another'
          const head = headOf({ id, url: each.url, tags: each.tags, expiresAt: now() + HOUR })
          store.update(key, id, head)
          if (old?.head.id === id) model.set(key, { head, body: old.body, staleSince: undefined })
        } else if (each.what === 'delete') {
          store.delete(key, each.isCurrent ? old?.head.id : 'another')
          if (each.isCurrent) model.delete(key)
        } else {
          for (const key of model.keys()) standing(key)
          const hits = [...model].filter(([, { head }]) => means(each.selector, head))
          expect(store.purge(each.selector, { soft: each.soft })).toBeGreaterThanOrEqual(hits.length)
          for (const [key, entry] of hits)
            if (each.soft) model.set(key, { ...entry, staleSince: entry.staleSince ?? now() })
            else model.delete(key)
        }
        if (key !== '') {
          const expected = standing(key)
          const found = store.get(key)
          expect(found && { head: found.head, body: found.text, staleSince: found.staleSince }).toEqual(expected)
        }
      }
      for (const key of model.keys()) expect(store.get(key)?.head).toEqual(standing(key)?.head)
      // What is left has left no trace in the tables.
      store.purge({ all: true })
      expect(store.snapshot()).toMatchObject({ entries: 0, evictions: 0, corrupt: 0 })
      expect(store.snapshot().bytes).toBe(memoryStore({ maxBytes: 8 * 1024 * 1024 })(set).snapshot().bytes)
    }),
    { numRuns: 60 },
  )
})
