/** A proxy on its own listener with short timeouts, an upstream with one large reply, and an ordinary client that measures. */
import { createServer, type Server } from 'node:http'
import { Agent, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createProxy, createUpstream, type ListenOptions, wireListener, wireTransport } from '@sluice/core'

export interface SlowSite {
  readonly port: number
  /** Client connections of the proxy. */
  connections(): number
  /** Exchanges under way. */
  inFlight(): number
  close(): Promise<void>
}

const LARGE_CHUNK = Buffer.alloc(65_536, 'x')
const LARGE_CHUNKS = 1_024

/** 64 MiB: what no kernel buffer takes. */
export async function slowSite(options: ListenOptions): Promise<SlowSite> {
  const upstream = createServer((incoming, response) => {
    if (incoming.url !== '/large') {
      incoming.resume()
      incoming.on('end', () => response.end('ok'))
      return
    }
    let left = LARGE_CHUNKS
    const write = (): void => {
      while (left > 0) {
        left--
        if (!response.write(LARGE_CHUNK)) {
          response.once('drain', write)
          return
        }
      }
      response.end()
    }
    write()
  })
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  const proxy = createProxy().forward(
    createUpstream('ordinary', { targets: [urlOf(upstream)], transport: wireTransport() }),
  )
  const listener = await proxy.listen({ listener: wireListener(), host: '127.0.0.1', ...options })
  return {
    port: listener.address.port,
    connections: () => listener.connections,
    inFlight: () => proxy.inFlight,
    async close() {
      await proxy.close({ drainMs: 0 })
      upstream.closeAllConnections()
      await new Promise((resolve) => upstream.close(resolve))
    },
  }
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Latencies of `count` requests over `width` kept connections, in milliseconds, sorted. */
export async function latencies(port: number, count: number, width: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: width })
  const measured: number[] = []
  let left = count
  const lane = async (): Promise<void> => {
    while (left-- > 0) {
      const start = performance.now()
      await ordinary(port, agent)
      measured.push(performance.now() - start)
    }
  }
  await Promise.all(Array.from({ length: width }, lane))
  agent.destroy()
  return measured.sort((a, b) => a - b)
}

/** The value below which this share of them lies. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

async function ordinary(port: number, agent: Agent): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', path: '/', agent }, (response) => {
      response.on('error', reject)
      response.on('end', () =>
        response.statusCode === 200 ? resolve() : reject(new Error(`got ${response.statusCode}`)),
      )
      response.resume()
    })
    asked.on('error', reject)
    asked.end()
  })
}
