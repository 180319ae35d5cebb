/** What a store that throws leaves behind: nothing that it still counts. */
import { expect, it, vi } from 'vitest'
import { memoryStore } from '../../src/index.ts'
import { GuardedStore } from '../../src/store/guarded-store.ts'
import { headOf, services } from './set-up.ts'

it('a body for which there is no memory is not kept, and its room is given back', () => {
  const store = memoryStore({ maxBytes: 1_048_576 })(services())
  const guarded = new GuardedStore(store)
  const { bytes } = store.snapshot()
  const writer = guarded.put('key', headOf(), 100_000, 0)!
  const allocate = vi.spyOn(Buffer, 'allocUnsafeSlow').mockImplementation(() => {
    throw new RangeError('Array buffer allocation failed')
  })
  expect(writer.write(Buffer.alloc(50_000))).toBe(false)
  allocate.mockRestore()
  expect(writer.write(Buffer.alloc(50_000))).toBe(false)
  writer.commit()
  expect(store.snapshot()).toMatchObject({ entries: 0, bytes })
  expect(guarded.failures).toBe(1)
})
