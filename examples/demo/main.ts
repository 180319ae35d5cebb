/**
 * The demo that `npm start` runs: three small targets, a gateway in front of them, and one log line for each request.
 * `PORT` says where it listens (8080 by default); where that is taken, on any free port.
 */
import { exchangeEnded, type ExchangeEnded, type Listener, type Proxy } from '@sluice/core'
import { createGateway } from './gateway.ts'
import { DemoTarget } from './targets.ts'

const DRAIN_MS = 10_000

async function listen(proxy: Proxy, port: number): Promise<Listener> {
  const host = '127.0.0.1'
  try {
    return await proxy.listen({ port, host })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    console.log(`Port ${port} is taken, so this is another one.`)
    return await proxy.listen({ port: 0, host })
  }
}

/** `GET /hello 200 target-1 2.1 ms`; of several attempts, each that failed is named with its code. */
function log({ exchange, reply, durationMs }: ExchangeEnded): void {
  const { method, target } = exchange.received
  const attempts = exchange.attempts.map(({ target, error }) => {
    const name = target.metadata['name'] ?? target.key
    return error === undefined ? name : `${name} (${error.code})`
  })
  const targets = attempts.length === 0 ? '-' : attempts.join(' > ')
  console.log(`${method} ${target} ${reply?.status ?? 'aborted'} ${targets} ${durationMs.toFixed(1)} ms`)
}

function introduction(url: string): string {
  return `
The gateway listens on ${url}. Behind it are three targets. Try:

  Balancing: each reply names its target.
    curl '${url}/hello?[1-6]'

  Failover: target 2 goes away, and requests go on without an error.
    curl -X POST ${url}/demo/stop/2
    curl '${url}/hello?[1-6]'
    curl -X POST ${url}/demo/start/2

  A key is needed (401), and three requests at once are its limit (429).
    curl -i ${url}/api/report
    curl -i -H 'X-API-Key: demo-key' '${url}/api/report?[1-4]'

  Streaming: events arrive when they are made. Press Ctrl-C here meanwhile: the stream still ends whole.
    curl -N ${url}/stream

  Errors are problem documents: a target that is too slow (504), a path that nothing matches (404).
    curl -i ${url}/late
    curl -i ${url}/nowhere

  What would happen to a request, and why.
    curl '${url}/demo/explain?path=/api/report'

Ctrl-C drains and ends it.
`
}

const targets = ['target-1', 'target-2', 'target-3'].map((name) => new DemoTarget(name))
await Promise.all(targets.map((target) => target.start()))
const proxy = createGateway(targets)
exchangeEnded.subscribe(log)
const listener = await listen(proxy, Number(process.env['PORT'] ?? 8080))

let isClosing = false
async function close(): Promise<void> {
  // The second key press means "at once".
  if (isClosing) process.exit(130)
  isClosing = true
  console.log(`Draining: ${proxy.inFlight} under way.`)
  await proxy.close({ drainMs: DRAIN_MS })
  await Promise.all(targets.map((target) => target.stop()))
  console.log('Closed.')
}
process.on('SIGINT', () => void close())
process.on('SIGTERM', () => void close())

// Last: whoever reads this may send a signal at once.
console.log(introduction(listener.address.url))
