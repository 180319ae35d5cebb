/**
 * Runs the tests under the other Node lines and ends with one count of everything, what `npm test` last counted under
 * Node 24 included. Needs an install; a build is not needed, since tests run on the sources.
 */
import { add, inWords, lastCounts, runTests } from './vitest.mjs'

let total = lastCounts(24)
for (const major of [22, 26]) {
  const counts = await runTests(major)
  process.stdout.write(`Node ${major}: ${inWords(counts)}\n\n`)
  if (counts.passed === 0) process.exitCode = 1
  total = add(total, counts)
}
process.stdout.write(`${inWords(total)}\n`)
if (total.failed > 0) process.exitCode = 1
