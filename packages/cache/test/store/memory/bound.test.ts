/** What the store counts is what the process holds: measured in a process of its own, with collections forced. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import type { ChurnSample } from './churn-process.ts'

const PROGRAM = fileURLToPath(new URL('churn-process.ts', import.meta.url))
const MIB = 1024 * 1024
const SAMPLES = 3

// The long form, `pnpm soak:cache`, writes 10 GB through 256 MiB.
it.each([
  ['mixed', 64 * MIB, 3],
  ['small', 40 * MIB, 2.1],
])(
  'holds for the heap and beside it, within 15 percent, while %s entries come and go',
  async (kind, maxBytes, times) => {
    const args = ['--expose-gc', '--conditions=@sluice/source', PROGRAM, maxBytes, times * maxBytes, SAMPLES, kind]
    const { stdout } = await promisify(execFile)(process.execPath, args.map(String))
    const samples = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as ChurnSample)
    // The store is full in the last ones.
    for (const { counted, real } of samples.slice(-2)) {
      expect(counted).toBeLessThanOrEqual(maxBytes)
      expect(counted).toBeGreaterThan(0.93 * maxBytes)
      expect(real / maxBytes).toBeGreaterThan(0.85)
      expect(real / maxBytes).toBeLessThan(1.15)
    }
  },
)
