import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const PROCESS = fileURLToPath(new URL('swap-process.ts', import.meta.url))
const MIB = 1_024 * 1_024

it('a thousand swaps leave no memory behind, and no exchange without a version', { timeout: 60_000 }, async () => {
  const args = ['--expose-gc', '--conditions=@sluice/source', PROCESS]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, NODE_OPTIONS: '' } })
  const { wrong, swaps, instances, compiledModules, early, late } = JSON.parse(stdout) as {
    wrong: number
    swaps: number
    instances: { total: number }
    compiledModules: number
    early: NodeJS.MemoryUsage
    late: NodeJS.MemoryUsage
  }
  expect({ wrong, swaps }).toEqual({ wrong: 0, swaps: 1_000 })
  expect(instances.total).toBeLessThanOrEqual(2)
  // Machine code is not on the heap.
  expect(compiledModules).toBe(1)
  // 800 swaps lie between the two. One leaked instance a swap would be 128 KiB each, one leaked version some 20 KiB.
  expect(late.heapUsed - early.heapUsed).toBeLessThan(3 * MIB)
  expect(late.external - early.external).toBeLessThan(3 * MIB)
})
