/** Whose requests are counted together. */
import { hash } from 'node:crypto'
import { ConfigError, type Exchange } from '@sluice/core'
import { fieldOption, strictOption, wholeOption } from '@sluice/core/options'
import { networkOf } from './client-network.ts'

/**
 * - `'client'`: the client's address as far as it can be trusted (`exchange.client.address`), cut to a network.
 * - `'global'`: everybody together.
 * - `{ header }`: the value of a field. A request without it is counted by its client's address.
 * - `{ apiKey }`: the same for a secret in this field: what is kept, or sent to a store, is its digest (SHA-256).
 * - a function, which may need slots that were set before. `undefined` takes the request out of this limit.
 */
export type KeyOption<N = unknown> =
  | 'client'
  | 'global'
  | { readonly header: string }
  | { readonly apiKey: string }
  | ((exchange: Exchange<N>) => string | undefined)

export type KeyOf<N> = (exchange: Exchange<N>) => string | undefined

/** How much of an address counts. */
export interface PrefixOptions {
  readonly ipv4PrefixBits?: number
  readonly ipv6PrefixBits?: number
}

/** Longer values are counted by their digest: whoever sends them must not choose how much is kept. */
const MAX_PLAIN_CHARS = 64

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function compileKey<N>(key: KeyOption<N> = 'client', prefixes: PrefixOptions, at: string): KeyOf<N> {
  const byClient = clientKey(prefixes, at)
  if (key === 'client') return byClient
  if (key === 'global') return () => ''
  if (typeof key === 'function') return key
  if (typeof key === 'object' && key !== null) {
    strictOption<object>(key, 'header' in key ? ['header'] : ['apiKey'], `${at}.key`)
    if ('header' in key) return fieldKey(fieldOption(key.header, `${at}.key.header`), shortened, byClient)
    if ('apiKey' in key) return fieldKey(fieldOption(key.apiKey, `${at}.key.apiKey`), digestOf, byClient)
  }
  throw new ConfigError(`${at}.key`, 'must be "client", "global", { header }, { apiKey } or a function')
}

/** For each policy the place of the first that has the same key. Two that look different may mean the same. */
export function keyGroupsOf<N>(policies: readonly ({ readonly key?: KeyOption<N> } & PrefixOptions)[]): number[] {
  const keys = policies.map(({ key = 'client', ipv4PrefixBits = 32, ipv6PrefixBits = 64 }) => ({
    own: typeof key === 'function' ? key : undefined,
    text: JSON.stringify([typeof key === 'function' ? '' : key, ipv4PrefixBits, ipv6PrefixBits]),
  }))
  return keys.map(({ own, text }) => keys.findIndex((other) => other.own === own && other.text === text))
}

function clientKey<N>(options: PrefixOptions, at: string): (exchange: Exchange<N>) => string {
  const ipv4 = wholeOption(options.ipv4PrefixBits, 32, `${at}.ipv4PrefixBits`, 1, 32)
  const ipv6 = wholeOption(options.ipv6PrefixBits, 64, `${at}.ipv6PrefixBits`, 1, 128)
  return (exchange) => networkOf(exchange.client.address, ipv4, ipv6)
}

/** Values are marked, so that none of them can pass for somebody's address. */
function fieldKey<N>(
  field: string,
  shorten: (value: string) => string,
  byClient: (exchange: Exchange<N>) => string,
): KeyOf<N> {
  return (exchange) => {
    // As received: an authentication before this may have taken its credential away.
    const value = exchange.received.headers.get(field)
    return value === undefined || value === '' ? byClient(exchange) : `=${shorten(value)}`
  }
}

function shortened(value: string): string {
  return value.length <= MAX_PLAIN_CHARS ? value : digestOf(value)
}

function digestOf(value: string): string {
  return hash('sha256', value, 'base64url')
}
