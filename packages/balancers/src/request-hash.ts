/** What balancers that hash go by: a number for each request, made of the part of it that is to decide. */
import { ConfigError, type Exchange } from '@sluice/core'
import { type OptionNames, wholeOption } from '@sluice/core/options'
import { hashAddress } from './address-hash.ts'
import { hashText } from './murmur3.ts'
import { RequestValue, type ValueSource } from './request-value.ts'

/**
 * The client's trusted address, the canonical path without the query, a value of the request, or what a function makes of
 * the exchange. Where it is missing or empty, the target is picked at random.
 */
export type RequestKey = 'client-address' | 'path' | ValueSource | ((exchange: Exchange) => string | undefined)

/** Options that all balancers that hash have. */
export interface HashOptions {
  /**
   * Changes all hashes. Proxies that are to agree on the target need the same one; a secret one keeps clients from choosing
   * keys that all meet at one target. A whole number of 32 bits.
   * @default 0
   */
  readonly seed?: number
  /** How much of an IPv4 address counts, for the key `client-address`. @default 32 */
  readonly ipv4PrefixLength?: number
  /** How much of an IPv6 address counts. A client has a /64 at least, and changes the rest as it likes. @default 64 */
  readonly ipv6PrefixLength?: number
}

export const HASH_NAMES: OptionNames<HashOptions> = {
  seed: true,
  ipv4PrefixLength: true,
  ipv6PrefixLength: true,
}

/** There is nothing to hash. */
export const MISSING = -1

/** Makes hashes of exchanges. */
export class RequestHash {
  readonly seed: number
  readonly #key: 'client-address' | 'path' | RequestValue | ((exchange: Exchange) => string | undefined)
  readonly #ipv4Bits: number
  readonly #ipv6Bits: number

  /** @throws {ConfigError} where an option is wrong; `at` is the balancer's name */
  constructor(key: RequestKey, options: HashOptions, at: string) {
    this.seed = wholeOption(options.seed, 0, `${at}.seed`, 0, 0xffff_ffff) | 0
    this.#ipv4Bits = wholeOption(options.ipv4PrefixLength, 32, `${at}.ipv4PrefixLength`, 0, 32)
    this.#ipv6Bits = wholeOption(options.ipv6PrefixLength, 64, `${at}.ipv6PrefixLength`, 0, 128)
    if (key === 'client-address' || key === 'path' || typeof key === 'function') this.#key = key
    else if (typeof key === 'object') this.#key = new RequestValue(key, `${at}.key`)
    else
      throw new ConfigError(
        `${at}.key`,
        'must be "client-address", "path", { header }, { cookie }, { query } or a function',
      )
  }

  /** 31 bits, which V8 keeps without a box; {@link MISSING} where there is no key. */
  of(exchange: Exchange): number {
    const key = this.#key
    if (typeof key === 'object') {
      return key.find(exchange) ? hashText(key.text, key.start, key.end, this.seed) >>> 1 : MISSING
    }
    if (key === 'client-address') {
      const { address } = exchange.client
      return address === '' ? MISSING : hashAddress(address, this.#ipv4Bits, this.#ipv6Bits, this.seed) >>> 1
    }
    const text = key === 'path' ? exchange.request.path : key(exchange)
    return text === undefined || text === '' ? MISSING : hashText(text, 0, text.length, this.seed) >>> 1
  }
}
