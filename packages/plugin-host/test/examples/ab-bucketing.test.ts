import { seededRandom } from '@sluice/testing'
import { describe, expect, test } from 'vitest'
import { harnessOf } from './example-plugin.ts'

const cookies = (value: string) => ({ request: { headers: { cookie: value } } })

// The first may have to wait for a compiler.
describe('A/B bucketing', { timeout: 60_000 }, () => {
  test('gives a new client a bucket, tells the upstream, and keeps it in a cookie', async () => {
    const harness = await harnessOf('ab-bucketing', {}, { random: () => 0.95 })
    const run = await harness.run()
    expect(run.requestDelta.set).toEqual({ 'x-bucket': 'candidate' })
    expect(run.reply.headers.get('set-cookie')).toBe(
      'bucket=candidate; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000',
    )
  })

  test('leaves a client in the bucket that its cookie says, and sets none again', async () => {
    const harness = await harnessOf('ab-bucketing', {}, { random: () => 0 })
    const run = await harness.run(cookies('theme=dark; bucket=candidate; x=1'))
    expect(run.requestDelta.set).toEqual({ 'x-bucket': 'candidate' })
    expect(run.replyDelta.set).toEqual({})
  })

  test.each(['bucket=admin', 'xbucket=candidate', 'bucket', 'bucket='])(
    'gives a bucket of its own choice to who comes with %s',
    async (cookie) => {
      const harness = await harnessOf('ab-bucketing', {}, { random: () => 0 })
      const run = await harness.run(cookies(cookie))
      expect(run.requestDelta.set).toEqual({ 'x-bucket': 'control' })
      expect(run.reply.headers.get('set-cookie')).toMatch(/^bucket=control;/)
    },
  )

  test('fills the buckets by their weights', async () => {
    const buckets = [
      { name: 'a', weight: 1 },
      { name: 'b', weight: 3 },
    ]
    const config = { cookie: 'bucket', header: 'x-bucket', buckets }
    const harness = await harnessOf('ab-bucketing', { config }, { random: seededRandom(7) })
    let b = 0
    for (let i = 0; i < 400; i++) {
      const { faults, requestDelta } = await harness.run()
      expect(faults).toEqual([])
      if (requestDelta.set['x-bucket'] === 'b') b++
    }
    expect(b).toBeGreaterThan(270)
    expect(b).toBeLessThan(330)
  })

  test('refuses buckets none of which has a weight, and says so', async () => {
    const config = {
      cookie: 'bucket',
      header: 'x-bucket',
      buckets: [
        { name: 'a', weight: 0 },
        { name: 'b', weight: 0 },
      ],
    }
    await expect(harnessOf('ab-bucketing', { config })).rejects.toThrow('no bucket has a weight')
  })
})
