/** `node --expose-gc cache-probe.mjs ROW`: what the store in memory takes for one kind of work, as a line of JSON. */
import { memoryStore } from '@sluice/cache'

const ENTRIES = 100_000
const ROUNDS = 3
const CATEGORIES = 97
/** Keys of requests have just been read: those of a handful are fetched from among all before they are looked up. */
const HANDFUL = 200
const LOOK_UPS = 600_000
const MIB = 1024 * 1024

const clock = { now: () => 1_000, wallTime: () => Date.now(), schedule: () => ({ cancel() {} }) }
const open = (maxBytes) => memoryStore({ maxBytes })({ clock, random: Math.random })
const keys = Array.from({ length: ENTRIES }, (_, i) => flat(`GET ${urlOf(i)}`))
let fetched = 0

const rows = {
  'look-up': lookUp,
  miss: () => lookUp((i) => flat(`${keys[i]}&no`)),
  'put, 1 KiB': () => put(1_024),
  'put, 64 KiB': () => put(65_536),
  'purge by tag, per hit': () => purge((category) => ({ tags: [`tag-${category}`] })),
  'purge by prefix, per hit': () =>
    purge((category) => ({ prefix: `https://www.example.com/products/category-${category}/` })),
}

console.log(JSON.stringify({ ns: rows[process.argv[2]]() }))

/** With the first use of each entry behind it, which unpacks its head. */
function lookUp(keyOf = (i) => keys[i]) {
  const store = filled(open(1_024 * MIB), 1_024)
  for (const key of keys) store.get(key)
  const asked = Array.from({ length: ENTRIES }, (_, i) => keyOf(i))
  const order = Array.from({ length: LOOK_UPS }, () => asked[Math.floor(Math.random() * ENTRIES)])
  return best(() => nanosOf((key) => store.get(key), order) - nanosOf(() => {}, order))
}

function nanosOf(call, order) {
  let micros = 0
  for (let from = 0; from < order.length; from += HANDFUL) {
    for (let i = from; i < from + HANDFUL; i++)
      fetched ^= order[i].charCodeAt(0) ^ order[i].charCodeAt(order[i].length - 1)
    const start = cpuMicros()
    for (let i = from; i < from + HANDFUL; i++) call(order[i])
    micros += cpuMicros() - start
  }
  return (micros / order.length) * 1_000
}

/** Into a store that is full: each lets another go, or several. */
function put(bytes) {
  const store = open(bytes === 1_024 ? 64 * MIB : 256 * MIB)
  const count = bytes === 1_024 ? ENTRIES : 20_000
  filled(store, bytes, count)
  return best(() => {
    const start = cpuMicros()
    filled(store, bytes, count)
    const middle = cpuMicros()
    // The heads are made anew each time, as they are for requests; what that takes is left out.
    for (let i = 0; i < count; i++) fetched ^= headOf(i).headers.length
    return ((middle - start - (cpuMicros() - middle)) / count) * 1_000
  })
}

/** Of every second category, one after the other: a single purge is shorter than what some machines count processor time in. */
function purge(selectionOf) {
  const store = filled(open(1_024 * MIB), 1_024)
  const start = cpuMicros()
  let hits = 0
  for (let category = 0; category < CATEGORIES; category += 2) hits += store.purge(selectionOf(category))
  return ((cpuMicros() - start) / hits) * 1_000
}

function filled(store, bytes, count = ENTRIES) {
  const body = Buffer.alloc(bytes, 'x')
  for (let i = 0; i < count; i++) {
    const writer = store.put(keys[i], headOf(i), bytes)
    writer.write(body)
    writer.commit()
  }
  return store
}

/** Eight fields, of which the values are pieces of a head's text, as a parser gives them. */
function headOf(i) {
  const fields = `text/html; charset=utf-8|public, max-age=3600|"33a64df551425fcc55e4d42a148795d9"|Wed, 21 Oct 2025 07:28:00 GMT|origin/1.2.3|Accept-Encoding|1024|Mon, 23 Nov 2026 09:27:00 GMT`
  const names = ['Content-Type', 'Cache-Control', 'ETag', 'Last-Modified', 'Server', 'Vary', 'Content-Length', 'Date']
  const headers = flat(fields)
    .split('|')
    .flatMap((value, n) => [names[n], value])
  const times = { requestedAt: 1.8e12 + i, respondedAt: 1.8e12 + i, initialAgeMs: 0, freshMs: 3.6e6, expiresAt: 4e12 }
  return {
    id: `id-${i}`,
    status: 200,
    headers,
    ...times,
    url: urlOf(i),
    tags: [`tag-${i % CATEGORIES}`],
    notes: { swrMs: 60_000 },
  }
}

function urlOf(i) {
  return `https://www.example.com/products/category-${i % CATEGORIES}/item-${(i * 7_919) % 1_000_003}?size=large`
}

function flat(text) {
  return Buffer.from(text).toString('latin1')
}

function best(measure) {
  return Math.min(...Array.from({ length: ROUNDS }, measure))
}

/** Of this thread: what else the machine does counts less than on a clock, and collections on other threads not at all. */
function cpuMicros() {
  const { user, system } = process.threadCpuUsage()
  return user + system
}
