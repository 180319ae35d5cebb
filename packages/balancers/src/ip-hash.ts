/** The same target for the same client address. */
import type { BalancerFactory } from '@sluice/core'
import { strictOption } from '@sluice/core/options'
import { tableHash } from './maglev.ts'
import { HASH_NAMES, type HashOptions } from './request-hash.ts'

/**
 * Picks by the client's trusted address: the peer's, or what trusted proxies say it is (the proxy's `forwarded` options).
 * IPv6 counts by its /64. A target that comes or goes moves its own keys and few others, since this is {@link maglev} with
 * 65,537 entries. Where the client has no address (a Unix socket), the target is picked at random.
 *
 * Many clients behind one address meet at one target; for sessions, `stickySessions` is more exact.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`: `ipHash.seed`, `.ipv4PrefixLength`, `.ipv6PrefixLength`
 */
export function ipHash(options: HashOptions = {}): BalancerFactory {
  strictOption(options, HASH_NAMES, 'ipHash')
  return tableHash('ip-hash', { ...options, key: 'client-address' }, 'ipHash')
}
