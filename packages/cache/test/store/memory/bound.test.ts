/** What the store counts is what the process holds: measured in a process of its own, with collections forced. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import type { ChurnSample } from './churn-process.ts'

const PROGRAM = fileURLToPath(new URL('churn-process.ts', import.meta.url))
const MAX_BYTES = 64 * 1024 * 1024
/** Four times the bound; the long form, `pnpm soak:cache`, writes 10 GB through 256 MiB. */
const TOTAL_BYTES = 4 * MAX_BYTES
const SAMPLES = 4

it('heap and external memory stay within 15 % of the bound, above and below, while entries come and go', async () => {
  const args = ['--expose-gc', '--conditions=@sluice/source', PROGRAM]
  const { stdout } = await promisify(execFile)(process.execPath, [...args, MAX_BYTES, TOTAL_BYTES, SAMPLES].map(String))
  const samples = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ChurnSample)
  expect(samples).toHaveLength(SAMPLES)
  for (const { counted, real } of samples.slice(1)) {
    expect(counted).toBeLessThanOrEqual(MAX_BYTES)
    expect(real / MAX_BYTES).toBeGreaterThan(0.85)
    expect(real / MAX_BYTES).toBeLessThan(1.15)
  }
})
