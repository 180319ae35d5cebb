/** Load on a gateway over real connections, by Node's own client, with what became of each request. */
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '@sluice/wire'

export type LoadMethod = 'GET' | 'POST'

/** One request, and what became of it. */
export interface Sent {
  readonly id: string
  readonly method: LoadMethod
  readonly startedAt: number
  /** 0 where there was no whole reply. */
  status: number
  /** The name of the target that has answered. */
  target: string
  /** The code of an error, as the problem document has it, or why there was no whole reply. */
  problem: string
}

export interface LoadOptions {
  readonly port: number
  /** Of all requests, 0 to 1. */
  readonly postShare: number
  /** What the body of a POST has, in bytes. @default 10 */
  readonly bodyBytes?: number
  readonly pathOf?: (index: number) => string
}

const PACE_MS = 4
const PATIENCE_MS = 10_000
let runs = 0

export class Load {
  readonly sent: Sent[] = []
  readonly #options: LoadOptions
  // Fewer than a listener's queue holds: after a pause, what is due comes at once.
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 256 })
  readonly #run: number = ++runs
  #pending = 0

  constructor(options: LoadOptions) {
    this.#options = options
  }

  /** Sends at this rate, whatever becomes of earlier requests, until told to stop; then waits for those under way. */
  async steady(perSecond: number, until: Promise<unknown>): Promise<void> {
    const startedAt = systemClock.now()
    const first = this.sent.length
    const course = { isOver: false }
    const ended = until.finally(() => (course.isOver = true))
    // Told to whoever awaits this, once the load is over as well.
    ended.catch(() => {})
    while (!course.isOver) {
      const due = first + ((systemClock.now() - startedAt) / 1_000) * perSecond
      while (this.sent.length < due) void this.one()
      await sleep(PACE_MS)
    }
    while (this.#pending > 0) await sleep(PACE_MS)
    await ended
  }

  /** Sends so many, `concurrency` at a time. */
  async all(requests: number, concurrency: number): Promise<void> {
    const end = this.sent.length + requests
    const worker = async (): Promise<void> => {
      while (this.sent.length < end) await this.one()
    }
    await Promise.all(Array.from({ length: concurrency }, worker))
  }

  async one(): Promise<Sent> {
    const { port, postShare, bodyBytes = 10, pathOf } = this.#options
    const index = this.sent.length
    // Evenly mixed, and the same in each run.
    const method = Math.floor((index + 1) * postShare) > Math.floor(index * postShare) ? 'POST' : 'GET'
    const id = `${this.#run}-${index}`
    const sent: Sent = { id, method, startedAt: systemClock.now(), status: 0, target: '', problem: '' }
    this.sent.push(sent)
    this.#pending++
    await new Promise<void>((resolve) => {
      const outgoing = request(
        {
          port,
          host: '127.0.0.1',
          agent: this.#agent,
          method,
          path: pathOf?.(index) ?? '/',
          headers: { 'X-Id': id },
        },
        (response) => {
          const chunks: string[] = []
          response.setEncoding('latin1').on('data', (text: string) => chunks.push(text))
          response.once('error', (error) => (sent.problem = error.message)).once('close', resolve)
          response.once('end', () => {
            sent.status = response.statusCode!
            sent.target = String(response.headers['x-target'] ?? '')
            if (sent.status >= 400) sent.problem = problemIn(chunks.join(''))
          })
        },
      )
      outgoing.setTimeout(PATIENCE_MS, () => outgoing.destroy(new Error(`nothing came in ${PATIENCE_MS} ms`)))
      outgoing.once('error', (error) => {
        sent.problem = error.message
        resolve()
      })
      outgoing.end(method === 'POST' ? 'x'.repeat(bodyBytes) : undefined)
    })
    this.#pending--
    return sent
  }

  close(): void {
    this.#agent.destroy()
  }
}

function problemIn(body: string): string {
  return /"code":\s*"(\w+)"/.exec(body)?.[1] ?? body.slice(0, 80)
}
