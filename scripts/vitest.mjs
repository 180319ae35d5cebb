/** Runs the tests under one Node line and counts them. */
import { spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { cache, environment, nodeBinary, root } from './steps.mjs'

const countsFile = (major) => join(cache, 'tests', `node-${major}.json`)

/**
 * Vitest's own output goes to the terminal; the counts come back through a file.
 * Type tests say nothing about a Node line, so they run under 24 alone.
 */
export const runTests = async (major) => {
  const file = countsFile(major)
  rmSync(file, { force: true })
  const node = nodeBinary(major)
  const variables = { ...environment(), SLUICE_TEST_COUNTS: file }
  variables.PATH = dirname(node) + delimiter + variables.PATH
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const reporters = ['--reporter=default', `--reporter=${join(root, 'scripts', 'counting-reporter.mjs')}`]
  const args = [vitest, 'run', ...reporters, ...(major === 24 ? ['--typecheck'] : [])]
  const code = await new Promise((resolve) => {
    const child = spawn(node, args, { cwd: root, env: variables, stdio: ['ignore', 'inherit', 'inherit'] })
    child.on('error', (error) => {
      process.stdout.write(`${error.message}\n`)
      resolve(1)
    })
    child.on('close', (status) => resolve(status ?? 1))
  })
  const counts = lastCounts(major)
  // What fails without being any test's failure (the runner's own crash, a type error in a source) is one all the same.
  if (code !== 0 && counts.failed === 0) counts.failed = 1
  return counts
}

/** What the last run under a Node line counted. */
export const lastCounts = (major) => {
  try {
    return JSON.parse(readFileSync(countsFile(major), 'utf8'))
  } catch {
    return { passed: 0, failed: 0, skipped: 0 }
  }
}

export const add = (a, b) => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
})

export const inWords = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
