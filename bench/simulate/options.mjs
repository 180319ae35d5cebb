/** The command line, and what is simulated unless it says otherwise. */
import { parseArgs } from 'node:util'
import { balancers, gateSets } from './contenders.mjs'

/** Times in milliseconds. */
const DEFAULTS = {
  requests: 10_000_000,
  targets: 10_000,
  workers: 2,
  medianMs: 50,
  sigma: 0.8,
  slowFactor: 10,
  failureMs: 1,
  timeoutMs: 5_000,
  utilisation: 0.6,
  clients: 1_000_000,
  zipf: 0.6,
  seed: 1,
}

const USAGE = `pnpm simulate [options]

  --requests N        how many come in (${DEFAULTS.requests})
  --targets N         one in ten is slow, one in ten fails (${DEFAULTS.targets})
  --seed N            the same seed gives the same figures (${DEFAULTS.seed})
  --balancers A,B     only these, of: ${Object.keys(balancers).join(', ')}
  --gates A,B         of: ${Object.keys(gateSets).join(', ')} (none,both)
  --jobs N            processes at once (2)
  --json              prints the rows as JSON
  --save              writes results/simulation.md, and the table and the plot of docs/balancing.md; rows of the last run
                      with the same numbers that are not measured now stay
`

/** `undefined` where help was asked for and given. */
export function readOptions(args) {
  const { values } = parseArgs({
    args: args.filter((arg) => arg !== '--'), // pnpm passes it on
    options: {
      requests: { type: 'string' },
      targets: { type: 'string' },
      seed: { type: 'string' },
      balancers: { type: 'string' },
      gates: { type: 'string', default: 'none,both' },
      jobs: { type: 'string' },
      json: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    console.log(USAGE)
    return undefined
  }
  const plan = { ...DEFAULTS }
  for (const name of ['requests', 'targets', 'seed']) plan[name] = wholeNumber(name, values[name] ?? plan[name])
  // Their addresses are of one /16.
  if (plan.targets < 10 || plan.targets > 65_536) throw new Error('--targets must be from 10 to 65536')
  return {
    plan,
    balancers: chosen('balancer', values.balancers, Object.keys(balancers)),
    gates: chosen('set of gates', values.gates, Object.keys(gateSets)),
    jobs: wholeNumber('jobs', values.jobs ?? 2),
    save: values.save,
    json: values.json,
  }
}

function wholeNumber(name, value) {
  const number = Number(value)
  if (!(Number.isSafeInteger(number) && number > 0)) throw new Error(`--${name} must be a whole number above 0`)
  return number
}

function chosen(what, list, known) {
  const names = list?.split(',') ?? known
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`there is no ${what} "${unknown}"`)
  return names
}
