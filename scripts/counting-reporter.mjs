/** A vitest reporter that leaves the numbers of passed, failed and skipped tests in the file SLUICE_TEST_COUNTS. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

export default class CountingReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 }
    for (const module of modules) {
      const tests = [...module.children.allTests()]
      for (const test of tests) {
        const { state } = test.result()
        if (state === 'passed' || state === 'failed') counts[state] += 1
        else counts.skipped += 1
      }
      // A file that breaks outside of its tests (on import, in a hook) counts as one failure.
      if (!module.ok() && !tests.some((test) => test.result().state === 'failed')) counts.failed += 1
    }
    const file = process.env.SLUICE_TEST_COUNTS
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, JSON.stringify(counts))
  }
}
