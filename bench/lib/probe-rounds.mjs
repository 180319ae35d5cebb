/** Rounds without sockets: a program of its own for each row and round, which measures and prints its figures as JSON. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** So much room for what is allocated that nothing is collected while it is counted. */
export const NO_COLLECTIONS = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64']

/** Gives `measure(...args)`, which runs the program with these. */
export function probe(url, nodeArguments = ['--expose-gc']) {
  const program = fileURLToPath(url)
  return async (...args) => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...process.execArgv,
      ...nodeArguments,
      program,
      ...args,
    ])
    return JSON.parse(stdout)
  }
}

/** Gives `{ subjects: [{ name, rounds, errors }], leftOut: [] }`, as `runRounds` does for proxies; one subject for each name. */
export async function probeRounds(names, measure, { rounds }, log) {
  const subjects = names.map((name) => ({ name, rounds: [], errors: [] }))
  for (let round = 0; round < rounds; round++) {
    for (const subject of subjects) subject.rounds[round] = await measure(subject.name)
    log(`round ${round + 1} of ${rounds}`)
  }
  return { subjects, leftOut: [] }
}

/**
 * The same, with ceilings: `ceilingsOf(name)` gives figures that a row may not be above, by key. The best round decides: what else the
 * machine does only ever adds time.
 */
export async function boundedRounds(names, measure, plan, log, { columns, ceilingsOf }) {
  const result = await probeRounds(names, measure, plan, log)
  for (const { name, rounds, errors } of result.subjects) {
    for (const [key, ceiling] of Object.entries(ceilingsOf(name))) {
      const { unit, digits } = columns.find((column) => column.key === key)
      const best = Math.min(...rounds.map((values) => values[key] ?? 0))
      if (best > ceiling) errors.push(`${best.toFixed(digits)} ${unit}, above the ceiling of ${ceiling}`)
    }
  }
  return result
}
