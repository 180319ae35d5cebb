/** A run's result as a table, on the terminal and in `results/`. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { median, ratios } from './statistics.mjs'

const RESULTS = new URL('../results/', import.meta.url)

/** What ratios are given to, where it is among the subjects. */
const BASELINES = ['nginx', 'fast-proxy']

/** One row per subject: medians, and the ratios of the first column. */
export function summarise({ scenario, subjects }) {
  const [compared] = scenario.columns
  const baselines = BASELINES.flatMap((name) =>
    subjects.filter((entry) => entry.name === name && entry.errors.length === 0),
  )
  return subjects.map(({ name, rounds, errors }) => ({
    name,
    valid: errors.length === 0,
    errors,
    medians: Object.fromEntries(
      scenario.columns.map(({ key }) => [key, median(rounds.filter(Boolean).map((values) => values[key]))]),
    ),
    ratios: Object.fromEntries(
      baselines.map((baseline) => [baseline.name, ratios(rounds, baseline.rounds, compared.key)]),
    ),
  }))
}

/** A Markdown table that is also read well as plain text. */
export function table(scenario, rows) {
  const [compared, ...others] = scenario.columns
  const baselines = Object.keys(rows[0]?.ratios ?? {})
  const header = [
    scenario.rowTitle ?? 'proxy',
    compared.title,
    ...baselines.map((name) => `× ${name}`),
    ...others.map(({ title }) => title),
  ]
  const lines = rows.map(({ name, valid, medians, ratios }) => [
    valid ? name : `${name} (INVALID)`,
    medians[compared.key]?.toFixed(compared.digits) ?? '-',
    ...baselines.map((baseline) => (valid ? ratioText(ratios[baseline]) : '-')),
    ...others.map(({ key, digits }) => medians[key]?.toFixed(digits) ?? '-'),
  ])
  return markdownTable([header, ...lines])
}

/** Writes `results/SCENARIO.md` and `.json`, over those of the last run. */
export function saveResults(result, rows) {
  mkdirSync(RESULTS, { recursive: true })
  writeFileSync(new URL(`${result.scenario.name}.md`, RESULTS), document(result, rows))
  const { scenario, plan, bounds, load, upstream, machine, date, subjects, leftOut } = result
  const data = {
    scenario: scenario.name,
    date,
    machine,
    load,
    upstream,
    plan,
    leftOut,
    ...(bounds.length === 0 ? {} : { bounds }),
    rows,
    rounds: roundsOf(subjects),
  }
  writeFileSync(new URL(`${scenario.name}.json`, RESULTS), `${JSON.stringify(data, roundNumber, 2)}\n`)
}

/** Why rows are invalid and which subjects are missing. */
export function remarks(rows, leftOut) {
  return [
    ...rows.filter(({ valid }) => !valid).map(({ name, errors }) => `${name} is invalid: ${errors.join('; ')}`),
    ...leftOut.map(({ name, reason }) => `${name} was left out: ${reason}`),
  ]
}

/** Which bounds hold, one line each. */
export function boundRemarks(bounds) {
  return bounds.map(({ subject, baseline, title, atMost, value, holds }) => {
    const what = baseline === undefined ? title : `× ${baseline}, ${title}`
    return `${subject} must be at most ${atMost} ${what}: ${value.toFixed(2)}, ${holds ? 'ok' : 'MISSED'}`
  })
}

function document({ scenario, options, plan, bounds, load, upstream, machine, date, leftOut }, rows) {
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`)
  const notes = [...boundRemarks(bounds), ...remarks(rows, leftOut)].map((remark) => `- ${remark}`)
  const hasRatios = rows.some(({ ratios }) => Object.keys(ratios).length > 0)
  const ratioNote = hasRatios
    ? ' Ratios are of the first figure, taken round by round; in parentheses the\nlowest and the highest.'
    : ''
  const means = load === undefined ? '' : `\nLoad: ${load}. Upstream: ${upstream}. Versions: ${versions.join(', ')}.`
  return `# ${scenario.title}

${scenario.describe(options)}

Medians of ${plan.rounds} interleaved rounds${plan.seconds > 0 ? ` of ${plan.seconds} s` : ''}.${ratioNote} What the figures mean stands in [the README](../README.md).

${table(scenario, rows)}
${notes.length === 0 ? '' : `\n${notes.join('\n')}\n`}
Measured on ${date}: ${machine.processor}, ${machine.cores} cores, ${machine.memoryGib} GiB, ${machine.kernel}, Node ${machine.node}.${means}
`
}

function ratioText(ratio) {
  if (ratio === undefined) return '-'
  const [middle, lowest, highest] = [ratio.median, ratio.lowest, ratio.highest].map((value) => value.toFixed(2))
  return lowest === highest ? middle : `${middle} (${lowest}-${highest})`
}

/** Cells of a header and rows, the first column to the left. */
export function markdownTable(cells) {
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)))
  const line = (row) =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return [line(cells[0]), rule, ...cells.slice(1).map(line)].join('\n')
}

function roundsOf(subjects) {
  return Object.fromEntries(subjects.map(({ name, rounds }) => [name, rounds]))
}

/** Six digits are more than any of these figures has. */
function roundNumber(_key, value) {
  return typeof value === 'number' ? Number(value.toPrecision(6)) : value
}
