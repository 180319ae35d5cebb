/**
 * The addresses of one name, kept for a while. Node asks the system's resolver for each connection, in one of four threads
 * that files share; the system does not say how long an answer holds, so a bound of ours does. All addresses are handed
 * over, so that connecting to several of them (happy eyeballs, RFC 8305) works as without.
 */
import { type LookupAddress, lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import type { Clock } from '../clock.ts'

type Answer = (error: Error | null, addresses: LookupAddress[]) => void

/** A `lookup` for `net.connect` that remembers. One lookup is under way at a time; whoever asks meanwhile gets its answer. */
export class DnsCache {
  readonly #clock: Clock
  readonly #ttlMs: number
  readonly #resolve: LookupFunction
  #host = ''
  #addresses: LookupAddress[] = []
  #freshUntil = Number.NEGATIVE_INFINITY
  #waiting: Answer[] | undefined = undefined

  /** `ttlMs` is how long an answer is used; a failure is not kept. `resolve` is asked for all addresses. */
  constructor(clock: Clock, ttlMs: number, resolve: LookupFunction = systemLookup) {
    this.#clock = clock
    this.#ttlMs = ttlMs
    this.#resolve = resolve
  }

  readonly lookup: LookupFunction = (host, options, callback) => {
    this.#ask(host, (error, addresses) => {
      const [first] = addresses
      if (error !== null || first === undefined) callback(error ?? notFound(host), '', 0)
      else if (options.all === true) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
  }

  /** The next connection asks again: those addresses did not answer. */
  forget(): void {
    this.#freshUntil = Number.NEGATIVE_INFINITY
  }

  #ask(host: string, answer: Answer): void {
    if (host === this.#host && this.#clock.now() < this.#freshUntil) {
      const addresses = this.#addresses
      // Not at once: `net.connect` expects its answer in a later turn, when its caller has listeners on the socket.
      return process.nextTick(() => answer(null, addresses))
    }
    if (this.#waiting !== undefined && host === this.#host) return void this.#waiting.push(answer)
    const waiting = (this.#waiting = [answer])
    this.#host = host
    this.#resolve(host, { all: true }, (error, addresses) => {
      if (this.#waiting === waiting) this.#waiting = undefined
      const found = Array.isArray(addresses) ? addresses : []
      if (error === null && host === this.#host) {
        this.#addresses = found
        this.#freshUntil = this.#clock.now() + this.#ttlMs
      }
      for (const each of waiting) each(error, found)
    })
  }
}

function notFound(host: string): Error {
  return Object.assign(new Error(`no address was found for ${host}`), { code: 'ENOTFOUND' })
}
