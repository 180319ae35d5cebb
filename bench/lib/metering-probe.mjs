/** `node metering-probe.mjs MODULE FUNCTION`: times one function plain and metered, and prints a line of JSON. */
import { readFileSync } from 'node:fs'
import { FuelGauge, MAX_FUEL, meterModule } from '@sluice/plugin-host'

const FIXTURES = new URL('../../packages/plugin-host/test/fixtures/wasm/', import.meta.url)

const INPUT_BYTES = 10_000
/** Long enough that the clock's steps do not show, and the engine's optimised code is in place. */
const WARM_UP_MS = 400
const BATCH_MS = 2
const BATCHES = 120

const [module, name] = process.argv.slice(2)
const bytes = readFileSync(new URL(`${module}.wasm`, FIXTURES))
const input = name === 'json' ? jsonInput() : wordInput()

const began = performance.now()
const metered = meterModule(bytes, { maxPages: 1_024 })
const meterMillis = performance.now() - began

const forms = [prepare(bytes, false), prepare(metered, true)]
for (const form of forms) form.callsPerBatch = warmUp(form.call)
const best = [Infinity, Infinity]
for (let batch = 0; batch < BATCHES; batch++)
  for (const [index, { call, callsPerBatch }] of forms.entries()) {
    const start = performance.now()
    for (let i = 0; i < callsPerBatch; i++) call()
    best[index] = Math.min(best[index], ((performance.now() - start) * 1_000) / callsPerBatch)
  }

const [plainMicros, meteredMicros] = best
console.log(
  JSON.stringify({
    overhead: (meteredMicros / plainMicros - 1) * 100,
    plainMicros,
    meteredMicros,
    fuelPerMicro: forms[1].spent() / meteredMicros,
    growth: metered.length / bytes.length,
    meterMillis,
  }),
)

/** An instance with the input in its memory. What a call needs beside it is the same for both forms. */
function prepare(code, isMetered) {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code))
  const gauge = isMetered ? new FuelGauge(exports) : undefined
  gauge?.fill(MAX_FUEL)
  gauge?.start()
  const work = exports[name]
  const call = () => {
    gauge?.fill(MAX_FUEL)
    exports.reset()
    const place = exports.reserve(input.length)
    new Uint8Array(exports.memory.buffer).set(input, place)
    return work(place, input.length)
  }
  return { call, spent: () => (call(), MAX_FUEL - gauge.left), callsPerBatch: 1 }
}

/** Gives how many calls make a batch. */
function warmUp(call) {
  const start = performance.now()
  let calls = 0
  for (; performance.now() - start < WARM_UP_MS; calls++) call()
  return Math.max(1, Math.round((calls * BATCH_MS) / WARM_UP_MS))
}

function jsonInput() {
  const entry = (i) => ({
    id: i,
    name: `user ${i}`,
    tags: ['a', 'b\n', `c${i}`],
    active: i % 2 === 0,
    score: i * 1.25,
    none: null,
  })
  const entries = Array.from({ length: 120 }, (_, i) => entry(i))
  return Buffer.from(JSON.stringify(entries))
}

function wordInput() {
  const words = Array.from(
    { length: INPUT_BYTES / 4 },
    (_, i) => ['the', 'quick', `${(i * 7919) % 1000}`, 'fox'][i % 4],
  )
  return Buffer.from(words.join(' ')).subarray(0, INPUT_BYTES)
}
