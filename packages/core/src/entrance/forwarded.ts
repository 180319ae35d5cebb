/**
 * Who the client is, and what the upstream is told about it: `Forwarded` (RFC 7239) and the `X-Forwarded-*` family, in one
 * policy. What a client writes into these fields is believed only where its connection comes from a trusted proxy.
 */
import { isIP } from 'node:net'
import { fieldName, type HeaderList, maskOf, UNKNOWN_NAMES } from '@sluice/wire'
import { addressList } from '../addresses/address-list.ts'
import type { Client, Peer } from '../client.ts'
import { ConfigError } from '../errors.ts'
import { type OptionNames, strictOption } from '../options/option-checks.ts'
import type { ClientTls } from '../tls/client-tls.ts'

/** Which fields an upstream gets. */
export type ForwardedFields = 'x-forwarded' | 'forwarded' | 'both' | 'none'

/** How forwarding information is handled. */
export interface ForwardedOptions {
  /**
   * Addresses and CIDR ranges of proxies in front of this one. From a connection of theirs the fields are kept and added
   * to, and the client's address is the right-most one in them that is not trusted; from any other they are dropped.
   * `'all'` trusts every peer: only where nothing else can connect. @default []
   */
  readonly trust?: 'all' | readonly string[]
  /**
   * In place of `trust`, where the addresses of the proxies in front are not known: how many there are. The fields are kept and added to,
   * and the client's address is what the outermost of them has seen: so many from the right. Only where nothing can connect
   * past one of them, since who does says itself who they are. @default 0
   */
  readonly trustedHops?: number
  /**
   * The family that is spoken here: sent upstream, and believed from trusted proxies. The other one is dropped, since a
   * proxy that does not speak it lets a client's forgery through. `'none'` believes `X-Forwarded-*` and sends nothing;
   * `'both'` believes `X-Forwarded-For` where it is there, and is safe only where the trusted proxies write both.
   * @default 'x-forwarded'
   */
  readonly fields?: ForwardedFields
}

const NAMES: OptionNames<ForwardedOptions> = {
  trust: true,
  trustedHops: true,
  fields: true,
}

const INBOUND = maskOf('forwarded', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host')
/** With {@link UNKNOWN_NAMES}, all that could be dropped. */
const VOUCHING = maskOf('forwarded', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-real-ip')
const FORWARDED_FOR = maskOf('x-forwarded-for')
const FORWARDED_PROTO = maskOf('x-forwarded-proto')
const FORWARDED_HOST = maskOf('x-forwarded-host')
const X_FORWARDED_FOR = fieldName('X-Forwarded-For')
const X_FORWARDED_PROTO = fieldName('X-Forwarded-Proto')
const X_FORWARDED_HOST = fieldName('X-Forwarded-Host')
const FORWARDED = maskOf('forwarded')

/** The compiled policy. */
export class ForwardedPolicy {
  readonly fields: ForwardedFields
  /** Whether an address so many hops away is one of a proxy that is believed. */
  readonly #trusts: (address: string, hop: number) => boolean

  constructor(options: ForwardedOptions, at: string) {
    strictOption(options, NAMES, at)
    this.fields = options.fields ?? 'x-forwarded'
    if (!['x-forwarded', 'forwarded', 'both', 'none'].includes(this.fields)) {
      throw new ConfigError(`${at}.fields`, 'must be "x-forwarded", "forwarded", "both" or "none"')
    }
    const { trust = [], trustedHops = 0 } = options
    if (!Number.isSafeInteger(trustedHops) || trustedHops < 0)
      throw new ConfigError(`${at}.trustedHops`, 'must be a whole number of at least 0')
    if (trustedHops > 0 && options.trust !== undefined)
      throw new ConfigError(`${at}.trustedHops`, 'has no meaning beside "trust": addresses say more than a number')
    this.#trusts = trustedHops > 0 ? (_address, hop) => hop < trustedHops : addressList(trust, `${at}.trust`)
  }

  /** Decides who the client is. Where the peer is not trusted, its forwarding fields are removed from `headers`. */
  admit(headers: HeaderList, peer: Peer): Client {
    if (!this.#trusts(peer.address, 0)) {
      dropForwardingFields(headers)
      return new DirectClient(peer)
    }
    if (!headers.hasAny(INBOUND)) return new DirectClient(peer)
    if (this.fields === 'forwarded') headers.deleteWhere((key) => key.startsWith('x-forwarded-'))
    else if (this.fields !== 'both') headers.delete('forwarded')
    const hops = headers.hasAny(FORWARDED_FOR)
      ? addressesOf(headers.get('x-forwarded-for')!)
      : forwardedParameter(headers, 'for').map(bareAddress)
    let address = peer.address
    for (let hop = 0; hop < hops.length && this.#trusts(address, hop); hop++) {
      const before = hops[hops.length - 1 - hop]!
      if (isIP(before) === 0) break
      address = before
    }
    const scheme =
      lastOf(headers.get('x-forwarded-proto')) ??
      forwardedParameter(headers, 'proto').at(-1) ??
      (peer.secure ? 'https' : 'http')
    return { address, scheme: scheme === 'https' ? 'https' : 'http', peer, tls: undefined }
  }

  /** Adds this hop to the fields of one attempt. `authority` is the client's `Host`. */
  describe(headers: HeaderList, client: Client, authority: string): void {
    if (this.fields === 'none') return
    const { peer } = client
    if (this.fields !== 'forwarded' && peer.address !== '') {
      const before = headers.hasAny(FORWARDED_FOR) ? headers.get('x-forwarded-for') : undefined
      if (before === undefined) headers.appendUnchecked(X_FORWARDED_FOR, peer.address)
      else headers.set('X-Forwarded-For', `${before}, ${peer.address}`)
    }
    if (this.fields !== 'forwarded') {
      if (headers.hasAny(FORWARDED_PROTO)) headers.set('X-Forwarded-Proto', client.scheme)
      else headers.appendUnchecked(X_FORWARDED_PROTO, client.scheme)
      // Host was checked at the entrance.
      if (authority !== '' && !headers.hasAny(FORWARDED_HOST)) headers.appendUnchecked(X_FORWARDED_HOST, authority)
    }
    if (this.fields !== 'x-forwarded') headers.append('Forwarded', forwardedElement(peer, client.scheme, authority))
  }
}

class DirectClient implements Client {
  readonly peer: Peer

  constructor(peer: Peer) {
    this.peer = peer
  }

  get address(): string {
    return this.peer.address
  }

  get scheme(): 'http' | 'https' {
    return this.peer.secure ? 'https' : 'http'
  }

  get tls(): ClientTls | undefined {
    return this.peer.tls
  }
}

/**
 * Fields by which a proxy vouches for a client; from anyone else they are a forgery (RFC 9440 for `Client-Cert`). So are
 * they with `_` for `-`, which CGI-like upstreams take for the same names.
 */
function dropForwardingFields(headers: HeaderList): void {
  if (!headers.hasAny(VOUCHING | UNKNOWN_NAMES)) return
  headers.deleteWhere((key) => vouchesForClient(key.includes('_') ? key.replaceAll('_', '-') : key))
}

function vouchesForClient(key: string): boolean {
  return (
    key.startsWith('x-forwarded-') ||
    key === 'forwarded' ||
    key === 'x-real-ip' ||
    key === 'client-cert' ||
    key === 'client-cert-chain'
  )
}

/** `a, b:80, [::1]:443` without ports and brackets. */
function addressesOf(list: string): string[] {
  return list.split(',').map((each) => bareAddress(each.trim()))
}

/** One parameter of each element of `Forwarded`, in order; the empty string where an element has none. */
function forwardedParameter(headers: HeaderList, name: 'for' | 'proto'): string[] {
  if (!headers.hasAny(FORWARDED)) return []
  return splitUnquoted(headers.get('forwarded')!, ',').map((element) => {
    const pair = splitUnquoted(element, ';').find((each) => each.trim().toLowerCase().startsWith(`${name}=`))
    return pair === undefined
      ? ''
      : pair
          .trim()
          .slice(name.length + 1)
          .replace(/^"|"$/g, '')
  })
}

/**
 * Splits where a separator stands outside a quoted string. From the right, as the hops are read: what the nearest proxy
 * wrote then means the same whatever stands to the left of it, such as a quote that a client has opened and not closed.
 */
function splitUnquoted(text: string, separator: string): string[] {
  const parts: string[] = []
  let end = text.length
  let isQuoted = false
  for (let i = text.length - 1; i >= 0; i--) {
    if (text[i] === '"' && text[i - 1] !== '\\') isQuoted = !isQuoted
    else if (text[i] === separator && !isQuoted) {
      parts.push(text.slice(i + 1, end))
      end = i
    }
  }
  parts.push(text.slice(0, end))
  return parts.toReversed()
}

function bareAddress(text: string): string {
  if (text.startsWith('[')) return /^\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?$/.exec(text)?.[1] ?? ''
  return isIP(text) === 0 && text.includes('.') ? text.replace(/:\d+$/, '') : text
}

function lastOf(list: string | undefined): string | undefined {
  return list
    ?.slice(list.lastIndexOf(',') + 1)
    .trim()
    .toLowerCase()
}

function forwardedElement(peer: Peer, scheme: string, authority: string): string {
  const node = peer.address === '' ? 'unknown' : isIP(peer.address) === 6 ? `"[${peer.address}]"` : peer.address
  const host = authority === '' ? '' : `;host=${/^[A-Za-z0-9.-]+$/.test(authority) ? authority : `"${authority}"`}`
  return `for=${node};proto=${scheme}${host}`
}
