import { virtualClock } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { InstancePool } from '../../src/pool/instance-pool.ts'

/** A pool of numbers. */
function pool(max: number, spares: number, create?: (n: number) => Promise<number>) {
  const clock = virtualClock()
  let made = 0
  const disposed: number[] = []
  const failures: unknown[] = []
  const instances = new InstancePool<number>({
    limits: { max, spares },
    clock,
    maxWaitMs: 1_000,
    create: () => create?.(++made) ?? Promise.resolve(++made),
    dispose: (instance) => disposed.push(instance),
    failed: (error) => failures.push(error),
  })
  return { clock, instances, disposed, failures, made: () => made }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('a pool', () => {
  it('makes spares in advance, and more as they are taken', async () => {
    const { instances, made } = pool(10, 2)
    await instances.open()
    await settled()
    expect(made()).toBe(3)
    const first = instances.take()
    expect(first).toBeDefined()
    await settled()
    expect(made()).toBe(3)
    instances.take()
    await settled()
    expect([made(), instances.free]).toEqual([4, 2])
  })

  it('does not make more than it may', async () => {
    const { clock, instances, made } = pool(2, 5)
    await instances.open()
    await settled()
    const [a] = [instances.take(), instances.take()]
    expect(instances.take()).toBeUndefined()
    const waiting = instances.wait()
    await settled()
    expect(made()).toBe(2)
    instances.put(a!)
    expect(await waiting).toBe(a)
    const late = instances.wait()
    clock.advance(1_000)
    await expect(late).rejects.toMatchObject({ code: 'ERR_SLUICE_PLUGIN_BUSY' })
  })

  it('uses the same one again while one is enough', async () => {
    const { instances } = pool(10, 1)
    await instances.open()
    await settled()
    const first = instances.take()!
    instances.put(first)
    for (let i = 0; i < 5; i++) {
      const again = instances.take()
      expect(again).toBe(first)
      instances.put(first)
    }
  })

  it('throws one away and makes another in its place', async () => {
    const { instances, disposed, made } = pool(1, 0)
    await instances.open()
    instances.discard(instances.take()!)
    expect(disposed).toEqual([1])
    await settled()
    expect([made(), instances.free]).toEqual([2, 1])
  })

  it('serves who waits in their order', async () => {
    const { instances } = pool(1, 0)
    await instances.open()
    const only = instances.take()!
    const order: string[] = []
    const wait = async (name: string) => {
      instances.put(await instances.wait().then((instance) => (order.push(name), instance)))
    }
    const all = [wait('a'), wait('b'), wait('c')]
    instances.put(only)
    await Promise.all(all)
    expect(order).toEqual(['a', 'b', 'c'])
  })

  it('tells who waits where none can be made, and tries again for the next', async () => {
    const { instances, failures } = pool(1, 0, (n) =>
      n === 2 ? Promise.reject(new Error('broken')) : Promise.resolve(n),
    )
    await instances.open()
    const first = instances.take()!
    const waiting = instances.wait()
    instances.discard(first)
    await expect(waiting).rejects.toThrow('broken')
    expect(failures).toHaveLength(1)
    expect(await instances.wait()).toBe(3)
  })

  it('that is closed frees all, and still makes one for who comes late', async () => {
    const { instances, disposed } = pool(3, 1)
    await instances.open()
    await settled()
    const taken = instances.take()!
    instances.close()
    expect(disposed).toHaveLength(1)
    instances.put(taken)
    expect(disposed).toHaveLength(2)
    const late = await instances.wait()
    instances.put(late)
    expect(disposed).toContain(late)
    expect(instances.size).toBe(0)
  })
})
