/** `npm test`: from a bare clone to the count of passed tests. Stops at the first stage that fails. */
import { installPrograms } from './programs.mjs'
import { build, install, lint } from './steps.mjs'
import { inWords, runTests } from './vitest.mjs'

const ready = (await installPrograms()) && (await install()) && (await build()) && (await lint())
if (ready) {
  const counts = await runTests(24)
  process.stdout.write(`${inWords(counts)}\n`)
  process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1
} else {
  process.exitCode = 1
}
