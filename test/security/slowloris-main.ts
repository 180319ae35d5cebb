/**
 * A thousand slow clients, in a thread of their own: what they cost the others.
 *
 *   pnpm slowloris --count 1000 --seconds 20
 */
import { parseArgs } from 'node:util'
import { Worker, isMainThread, workerData } from 'node:worker_threads'
import { slowClients } from './slow-clients.ts'
import { latencies, percentile, slowSite } from './slow-site.ts'

const { values } = parseArgs({
  options: { count: { type: 'string', default: '1000' }, seconds: { type: 'string', default: '10' } },
})

if (isMainThread) await measure(Number(values.count), Number(values.seconds))
else {
  // The slow clients have a thread of their own, so that what they cost is what the proxy pays.
  const { port, count } = workerData as { port: number; count: number }
  await slowClients({ port, count, everyMs: 1_000 })
}

async function measure(count: number, seconds: number): Promise<void> {
  const site = await slowSite({
    headTimeoutMs: 60_000,
    requestTimeoutMs: 60_000,
    bodyIdleTimeoutMs: 60_000,
    sendTimeoutMs: 60_000,
  })
  await round(site.port, 2)
  const before = await round(site.port, seconds)
  const idleMemory = memory()
  const worker = new Worker(new URL(import.meta.url), { workerData: { port: site.port, count } })
  while (site.connections() < count) await new Promise((resolve) => setTimeout(resolve, 50))
  await new Promise((resolve) => setTimeout(resolve, 2_000))
  const during = await round(site.port, seconds)
  const busyMemory = memory()
  await worker.terminate()
  await site.close()
  const ratio = percentile(during, 0.99) / percentile(before, 0.99)
  console.log(`${count} slow clients, a third each: head, body, not reading a reply of 64 MiB`)
  console.log(
    `p50 before ${ms(before, 0.5)}, during ${ms(during, 0.5)}; p99 before ${ms(before, 0.99)}, during ${ms(during, 0.99)}`,
  )
  console.log(`p99 ratio ${ratio.toFixed(2)} (at most 2); memory before ${idleMemory} MiB, during ${busyMemory} MiB`)
  if (ratio > 2) process.exitCode = 1
}

async function round(port: number, seconds: number): Promise<number[]> {
  const all: number[] = []
  const end = performance.now() + seconds * 1_000
  while (performance.now() < end) for (const each of await latencies(port, 500, 8)) all.push(each)
  return all.sort((a, b) => a - b)
}

function memory(): number {
  globalThis.gc?.()
  return Math.round(process.memoryUsage().rss / 1_048_576)
}

function ms(sorted: readonly number[], share: number): string {
  return `${percentile(sorted, share).toFixed(2)} ms`
}
