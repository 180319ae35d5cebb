/** The two guards that most ask for, as one line each. */
import type { Clock } from '@sluice/wire'
import type { AccessAction, Addresses } from './access-rule.ts'
import { type AccessGuard, guardOf } from './access-rules.ts'

/** Options of {@link allowAddresses} and {@link denyAddresses}. */
export interface AddressGuardOptions {
  /** Refuses nobody: only counts and tells who would be. @default false */
  readonly shadow?: boolean
  /** For events and `explain()`. @default the function's name */
  readonly name?: string
  /** For a list that is made here. @default systemClock */
  readonly clock?: Clock
}

/**
 * Lets in whose address is in the list, and nobody else.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`; also where the list is empty
 */
export function allowAddresses<N = unknown>(addresses: Addresses, options: AddressGuardOptions = {}): AccessGuard<N> {
  return addressGuard(addresses, 'allow', 'allowAddresses', options)
}

/**
 * Keeps out whose address is in the list, and nobody else.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`
 */
export function denyAddresses<N = unknown>(addresses: Addresses, options: AddressGuardOptions = {}): AccessGuard<N> {
  return addressGuard(addresses, 'deny', 'denyAddresses', options)
}

function addressGuard<N>(
  addresses: Addresses,
  action: AccessAction,
  at: string,
  options: AddressGuardOptions,
): AccessGuard<N> {
  const rules = [{ name: 'addresses', action, addresses }]
  return guardOf<N>({ ...options, rules, default: action === 'allow' ? 'deny' : 'allow' }, at, () => at)
}
