/** Who is not limited at all: neither counted nor told. */
import { hash, timingSafeEqual } from 'node:crypto'
import { addressList, ConfigError, type Exchange } from '@sluice/core'
import { fieldOption, type OptionNames, strictOption } from '@sluice/core/options'

/** Each of these is enough. */
export interface BypassOptions<N = unknown> {
  /** Addresses and CIDR ranges of clients, as far as their address can be trusted. */
  readonly addresses?: readonly string[]
  /**
   * A field whose value is one of `secrets`, each of at least 16 characters; two of them while one is replaced by the other. They are
   * compared in constant time, and the field does not reach the upstream.
   */
  readonly header?: { readonly name: string; readonly secrets: readonly string[] }
  /** Anything else, such as `(x) => x.get(identity).roles.includes('admin')`. */
  readonly when?: (exchange: Exchange<N>) => boolean
}

const NAMES: OptionNames<BypassOptions> = {
  addresses: true,
  header: true,
  when: true,
}

export type Bypasses<N> = (exchange: Exchange<N>) => boolean

const MIN_SECRET_CHARS = 16

/** Missing where everybody is limited. @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function compileBypass<N>(options: BypassOptions<N> | undefined, at: string): Bypasses<N> | undefined {
  if (options === undefined) return undefined
  const { addresses, header, when } = strictOption(options, NAMES, at)
  const tests: Bypasses<N>[] = []
  // First, so that the secret is taken out of the request whatever else lets it pass.
  if (header !== undefined) tests.push(bySecret(header, `${at}.header`))
  if (addresses !== undefined) tests.push(byAddress(addresses, `${at}.addresses`))
  if (when !== undefined) {
    if (typeof when !== 'function') throw new ConfigError(`${at}.when`, 'must be a function')
    // Code without types may return a promise, which would let everybody pass.
    tests.push((exchange) => (when(exchange) as unknown) === true)
  }
  return tests.length === 0 ? undefined : (exchange) => tests.some((test) => test(exchange))
}

function byAddress<N>(addresses: readonly string[], at: string): Bypasses<N> {
  if (!Array.isArray(addresses) || addresses.length === 0)
    throw new ConfigError(at, 'must be a list of at least one address or CIDR range')
  const has = addressList(addresses, at)
  return (exchange) => has(exchange.client.address)
}

function bySecret<N>(header: NonNullable<BypassOptions['header']>, at: string): Bypasses<N> {
  const name = fieldOption(strictOption(header, ['name', 'secrets'], at).name, `${at}.name`)
  const { secrets } = header
  if (!Array.isArray(secrets) || secrets.length === 0)
    throw new ConfigError(`${at}.secrets`, 'must be a list of at least one secret')
  secrets.forEach((secret: unknown, index) => {
    if (typeof secret !== 'string' || secret.length < MIN_SECRET_CHARS)
      throw new ConfigError(`${at}.secrets[${index}]`, `must be a string of at least ${MIN_SECRET_CHARS} characters`)
  })
  const digests = secrets.map(digestOf)
  return (exchange) => {
    // As received: another limit of the same chain may have taken it out before.
    const value = exchange.received.headers.get(name)
    if (value === undefined) return false
    exchange.request.headers.delete(name)
    const digest = digestOf(value)
    // All of them, so that the time does not say which one it was.
    return digests.reduce((found, each) => timingSafeEqual(each, digest) || found, false)
  }
}

/** Of one length, which comparing in constant time asks for. */
function digestOf(secret: string): Buffer {
  return hash('sha256', secret, 'buffer')
}
