/**
 * The rounds of a run. In each round every subject has one turn, one after the other, and each round begins with another
 * subject, so that neither a slow minute of the machine nor a fixed neighbour favours any of them.
 *
 * Subjects stay running, idle, between their turns: a Node process that starts afresh would be measured while it still
 * compiles, and a long-lived process is what people operate. An idle proxy uses no processor time. A scenario that
 * measures memory growth says `fresh`, and gets a new process for each turn instead.
 */
import { httpLoad } from './load.mjs'
import { isClosing } from './processes.mjs'
import { reasonOf, startSubject } from './subjects.mjs'

/** Before each turn: opens connections again and brings caches back. */
const LEAD_IN_SECONDS = 1

/** Gives `{ subjects: [{ name, rounds, errors }], leftOut: [{ name, reason }] }`; `rounds[r]` is missing where it failed. */
export async function runRounds({ scenario, plan, names, upstream, certificate, log }) {
  const surroundings = { upstream, certificate, scenario }
  const { load = httpLoad } = scenario
  const subjects = []
  const leftOut = []
  for (const name of names) {
    try {
      const subject = await startSubject(name, surroundings)
      if (scenario.fresh) await subject.stop()
      subjects.push({ name, subject, rounds: [], errors: [] })
    } catch (error) {
      if (isClosing()) throw error
      leftOut.push({ name, reason: reasonOf(error) })
      log(`left out: ${name}: ${reasonOf(error)}`)
    }
  }

  if (!scenario.fresh) {
    log(`warming up ${subjects.length} subjects, ${plan.warmupSeconds} s each`)
    for (const { subject } of subjects) await load.apply(subject, { ...plan, seconds: plan.warmupSeconds })
  }

  for (let round = 0; round < plan.rounds; round++) {
    for (let turn = 0; turn < subjects.length; turn++) {
      const entry = subjects[(turn + round) % subjects.length]
      await takeTurn(entry, { scenario, plan, load, surroundings, round, log })
    }
  }
  for (const { subject } of subjects) await subject.stop()
  return { subjects: subjects.map(({ name, rounds, errors }) => ({ name, rounds, errors })), leftOut }
}

async function takeTurn(entry, { scenario, plan, load, surroundings, round, log }) {
  let errors
  try {
    if (scenario.fresh) entry.subject = await startSubject(entry.name, surroundings)
    await load.apply(entry.subject, { ...plan, seconds: scenario.fresh ? plan.warmupSeconds : LEAD_IN_SECONDS })
    const measured = await scenario.measure(entry.subject, plan)
    errors = measured.errors
    entry.rounds[round] = measured.values
  } catch (error) {
    if (isClosing()) throw error
    errors = [reasonOf(error)]
  }
  if (scenario.fresh) await entry.subject.stop()
  entry.errors.push(...errors.map((error) => `round ${round + 1}: ${error}`))
  const first = scenario.columns[0]
  const figure = entry.rounds[round]?.[first.key]?.toFixed(first.digits) ?? 'failed'
  log(`round ${round + 1}  ${entry.name.padEnd(20)} ${figure.padStart(8)} ${first.title}  ${errors.join(', ')}`)
}
