import { type ClientHttp2Session, connect } from 'node:http2'
/** Clients that behave, by HTTP/1.1 and by HTTP/2: what they get while others do not. */
import { Agent, request } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'

/** Clients of one protocol. */
export interface OrdinaryClients {
  readonly protocol: string
  /** Asks for something small; rejects with what came in place of a 200. */
  ask(): Promise<void>
  close(): void
}

export async function ordinaryClients(port: number): Promise<readonly OrdinaryClients[]> {
  const clients = [overHttp1(port), overHttp2(port)]
  await Promise.all(clients.map(async ({ ask }) => await ask()))
  return clients
}

function overHttp1(port: number): OrdinaryClients {
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false })
  return {
    protocol: 'HTTP/1.1',
    ask: async () =>
      await new Promise((resolve, reject) => {
        const asked = request({ port, host: '127.0.0.1', path: '/ok', agent }, (reply) => {
          reply.on('error', reject)
          reply.on('end', () => (reply.statusCode === 200 ? resolve() : reject(new Error(`got ${reply.statusCode}`))))
          reply.resume()
        })
        asked.on('error', reject)
        asked.end()
      }),
    close: () => agent.destroy(),
  }
}

function overHttp2(port: number): OrdinaryClients {
  const session: ClientHttp2Session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
  session.on('error', () => {})
  return {
    protocol: 'HTTP/2',
    ask: async () =>
      await new Promise((resolve, reject) => {
        const stream = session.request({ ':path': '/ok' })
        let status: number | undefined
        stream.on('response', (reply) => (status = reply[':status']))
        stream.on('error', reject)
        stream.on('end', () => (status === 200 ? resolve() : reject(new Error(`got ${status}`))))
        stream.on('close', () => reject(new Error('the stream was closed')))
        stream.resume()
        stream.end()
      }),
    close: () => session.destroy(),
  }
}

/** How to measure. */
export interface Pace {
  /** How many clients ask at the same time. */
  readonly lanes: number
  /** How long one waits between a reply and its next request. */
  readonly pauseMs: number
  readonly forMs: number
}

/** Latencies in milliseconds, sorted. */
export async function latencies({ ask }: OrdinaryClients, { lanes, pauseMs, forMs }: Pace): Promise<number[]> {
  const measured: number[] = []
  const end = performance.now() + forMs
  const lane = async (): Promise<void> => {
    while (performance.now() < end) {
      const start = performance.now()
      await ask()
      measured.push(performance.now() - start)
      await sleep(pauseMs)
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return measured.sort((a, b) => a - b)
}
