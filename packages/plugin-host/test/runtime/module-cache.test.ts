import { expect, it } from 'vitest'
import { ModuleCache } from '../../src/runtime/module-cache.ts'
import type { CompiledModule } from '../../src/runtime/plugin-runtime.ts'

const BYTES = new Uint8Array(8)

function cache() {
  const compiled: number[] = []
  const modules = new ModuleCache({
    adopt: () => {
      throw new Error('not asked for')
    },
    compile: (_, { memoryPages }) => {
      compiled.push(memoryPages)
      if (memoryPages === 13) return Promise.reject(new Error('unlucky'))
      return Promise.resolve({
        code: {},
        importsFrom: () => false,
        instantiate: () => Promise.reject(new Error('not here')),
      } satisfies CompiledModule)
    },
  })
  return { compiled, modules }
}

it('a module is compiled once for each hash and set of limits, for as long as somebody uses it', async () => {
  const { compiled, modules } = cache()
  const [first, second] = await Promise.all([1, 2].map(() => modules.get(BYTES, 'a', { memoryPages: 1 })))
  expect(second!.module).toBe(first!.module)
  const other = await modules.get(BYTES, 'a', { memoryPages: 2 })
  expect(compiled).toEqual([1, 2])
  first!.release()
  expect((await modules.get(BYTES, 'a', { memoryPages: 1 })).module).toBe(second!.module)
  expect(modules.size).toBe(2)
  other.release()
  expect(modules.size).toBe(1)
})

it('one that can not be compiled is not kept', async () => {
  const { modules } = cache()
  await expect(modules.get(BYTES, 'a', { memoryPages: 13 })).rejects.toThrow('unlucky')
  expect(modules.size).toBe(0)
})
