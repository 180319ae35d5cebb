/**
 * `node --expose-gc plugin-probe.mjs NAME`: measures what one plugin adds to an exchange, in a process of its own, and
 * prints a line of JSON. Time is processor time of a chain of the plugin and a handler that returns a reply made before.
 */
import { getHeapStatistics } from 'node:v8'
import { createProxy, Reply } from '@sluice/core'
import { plugin } from '@sluice/plugin-host'
import { Body } from '@sluice/wire'
import { assemble, guests } from './plugin-guests.mjs'

const WARM_UP = 100_000
const CALLS = 20_000
const ENOUGH_MICROS = 300_000

const row = guests[process.argv[2]]
const middleware = row === undefined ? (exchange, next) => next(exchange) : plugin(manifestOf(row))
await middleware.ready
const exchange = await exchangeOf()
const reply = Reply.text('hello')
const next = () => reply
const content = Body.of(Buffer.alloc(row?.bodyBytes ?? 0, 'x'))
const isBuffered = row?.bodyBytes !== undefined

await run(isBuffered ? WARM_UP / 10 : WARM_UP)
const perCall = await microsOf(() => run(CALLS))
// The first round after a collection is not counted: it may still compile.
const bytes = Math.min(await bytesOf(), await bytesOf())
const { fuel, calls } = Object.values(middleware.snapshot?.().hooks ?? { none: { fuel: 0, calls: 1 } })[0]
console.log(JSON.stringify({ micros: perCall, bytes, fuel: fuel / calls }))
await middleware.close?.()

async function run(count) {
  for (let i = 0; i < count; i++) {
    exchange.request.body = content
    const answered = middleware(exchange, next)
    if (answered instanceof Promise) await answered
  }
}

/** Processor time of a call, of as many as it takes to measure it: the kernel counts in steps of some milliseconds. */
async function microsOf(work) {
  const start = cpuMicros()
  let rounds = 0
  let micros = 0
  do {
    await work()
    rounds++
    micros = cpuMicros() - start
  } while (micros < ENOUGH_MICROS)
  return micros / rounds / CALLS
}

function cpuMicros() {
  const { user, system } = process.threadCpuUsage()
  return user + system
}

async function bytesOf() {
  globalThis.gc()
  const before = getHeapStatistics().used_heap_size
  await run(CALLS)
  return Math.max(0, getHeapStatistics().used_heap_size - before) / CALLS
}

function manifestOf({ requestBody = 'none', ...guest }) {
  const fields = { read: ['*'], write: ['*'] }
  return {
    name: 'measured',
    abi: 'sluice:v1',
    source: { bytes: assemble(guest) },
    capabilities: { requestHeaders: fields, replyHeaders: fields, requestBody },
  }
}

/** An exchange as a browser would make it. */
async function exchangeOf() {
  let found
  const proxy = createProxy()
    .use((exchange, next) => {
      found = exchange
      return next(exchange)
    })
    .handle(() => Reply.empty(204))
  await proxy.inject({
    method: 'POST',
    path: '/users/1/orders?open=true',
    headers: {
      'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36',
      Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
      'Accept-Encoding': 'gzip, deflate, br',
      'Accept-Language': 'en-GB,en;q=0.9',
      Cookie: 'session=0123456789abcdef; theme=dark',
      'X-Request-Id': '8e3d1f3c',
    },
  })
  return found
}
