import type { Random } from '@sluice/core'
/** What the clients of a soak do: mostly good requests, whose replies are checked, and a share of faults. */
import { rawClient, type RawClient } from '@sluice/testing'

/** How many of each kind there were, and those that went otherwise than expected. */
export interface Tally {
  readonly kinds: Map<string, number>
  readonly surprises: string[]
}

const GOOD = ['ok', 'ok', 'ok', 'chunked', 'echo', 'slow']
const FAULTS = ['reset', 'truncated', 'broken-chunks', 'garbage', 'refused']
const ABORTS = ['abort-head', 'abort-upload', 'abort-before-reply', 'abort-in-reply']
const REQUESTS_PER_CONNECTION = 25
const PATIENCE_MS = 10_000

/** One client: a request after the other, over a connection that is renewed now and then, and after each fault. */
export class TrafficClient {
  readonly #port: number
  readonly #random: Random
  readonly #tally: Tally
  readonly #faultShare: number
  #client: RawClient | undefined
  #used = 0

  constructor(port: number, random: Random, tally: Tally, faultShare: number) {
    this.#port = port
    this.#random = random
    this.#tally = tally
    this.#faultShare = faultShare
  }

  async one(id: number): Promise<void> {
    const kind = this.#kind()
    this.#tally.kinds.set(kind, (this.#tally.kinds.get(kind) ?? 0) + 1)
    const client = await this.#connection()
    try {
      if (kind.startsWith('abort-')) await this.#abort(client, kind)
      else await this.#exchange(client, kind, `id-${id}`)
    } catch (error) {
      this.#tally.surprises.push(`${kind}: ${String(error).slice(0, 300)}`)
      this.leave()
    }
  }

  leave(): void {
    this.#client?.destroy()
    this.#client = undefined
  }

  #kind(): string {
    if (this.#random() >= this.#faultShare) return this.#pick(GOOD)
    return this.#pick(this.#random() < 0.5 ? FAULTS : ABORTS)
  }

  #pick(list: readonly string[]): string {
    return list[Math.floor(this.#random() * list.length)]!
  }

  async #connection(): Promise<RawClient> {
    if (this.#used++ % REQUESTS_PER_CONNECTION === 0) this.leave()
    return (this.#client ??= await rawClient({ port: this.#port }))
  }

  async #exchange(client: RawClient, kind: string, id: string): Promise<void> {
    const body = kind === 'echo' ? id : ''
    const method = kind === 'echo' ? 'POST' : 'GET'
    const length = body === '' ? '' : `Content-Length: ${body.length}\r\n`
    client.write(`${method} /${kind}?${id} HTTP/1.1\r\nHost: soak\r\n${length}\r\n${body}`)
    if (!FAULTS.includes(kind)) {
      const { status, complete, body } = await client.readResponse({ timeoutMs: PATIENCE_MS })
      if (status !== 200 || !complete || body.toString() !== id)
        throw new Error(`got ${status}, ${body.toString('utf8', 0, 80)}, expected ${id}`)
      return
    }
    const isWhole = await this.#failure(client)
    if (!isWhole) this.leave()
  }

  /** A fault is a 502, or is visibly cut off. Says whether the connection is still good. */
  async #failure(client: RawClient): Promise<boolean> {
    const response = await client.readResponse({ timeoutMs: PATIENCE_MS }).catch((error: unknown) => {
      if (!String(error).includes('the connection ended')) throw error
    })
    if (response === undefined || !response.complete) return false
    if (response.status !== 502) throw new Error(`got ${response.status} from a fault`)
    return response.header('connection') !== 'close'
  }

  async #abort(client: RawClient, kind: string): Promise<void> {
    if (kind === 'abort-head') client.write('GET /ok HTTP/1.1\r\nHo')
    else if (kind === 'abort-upload')
      client.write('POST /echo HTTP/1.1\r\nHost: soak\r\nContent-Length: 1000\r\n\r\npart')
    else if (kind === 'abort-before-reply') client.write('GET /slow?x HTTP/1.1\r\nHost: soak\r\n\r\n')
    else {
      client.write('GET /large HTTP/1.1\r\nHost: soak\r\n\r\n')
      client.socket.pause()
      await new Promise<void>((resolve) => {
        client.socket.once('readable', resolve)
        client.socket.once('close', resolve)
      })
    }
    await new Promise((resolve) => setTimeout(resolve, this.#random() * 4))
    if (this.#random() < 0.5) client.reset()
    else client.destroy()
    this.#client = undefined
  }
}
