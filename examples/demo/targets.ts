/** Three small targets, each a server of its own. Each says its name, and can be stopped and started while the demo runs. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const EVENTS = 5
const EVENT_INTERVAL_MS = 400
const LATE_MS = 5_000

/** A server on a loopback port that it keeps across restarts. */
export class DemoTarget {
  readonly name: string
  #port = 0
  #server: Server | undefined

  constructor(name: string) {
    this.name = name
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  async start(): Promise<void> {
    if (this.#server !== undefined) return
    const server = createServer((request, response) => this.#answer(request, response))
    this.#server = server
    server.listen(this.#port, '127.0.0.1')
    await once(server, 'listening')
    this.#port = (server.address() as AddressInfo).port
  }

  /** Stops as a crash does: nothing is accepted any more, and open connections are cut. */
  async stop(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname } = new URL(request.url!, this.url)
    if (pathname === '/stream') void this.#stream(response)
    else if (pathname === '/late') void this.#answerLate(response)
    else this.#greet(request, response)
  }

  #greet({ method, url }: IncomingMessage, response: ServerResponse): void {
    response.writeHead(200, { 'Content-Type': 'application/json' })
    response.end(`${JSON.stringify({ target: this.name, method, path: url })}\n`)
  }

  /** Server-sent events, each written when it is made. */
  async #stream(response: ServerResponse): Promise<void> {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
    for (let i = 1; i <= EVENTS && !response.destroyed; i++) {
      response.write(`data: event ${i} of ${EVENTS} from ${this.name}\n\n`)
      if (i < EVENTS) await sleep(EVENT_INTERVAL_MS)
    }
    response.end()
  }

  async #answerLate(response: ServerResponse): Promise<void> {
    const answer = setTimeout(() => response.end('too late\n'), LATE_MS)
    await once(response, 'close')
    clearTimeout(answer)
  }
}
