/** Names of what is kept in Redis. */
import { hash } from 'node:crypto'
import { ConfigError } from '@sluice/core'

/** Longer ones are kept by their digest. */
const MAX_PLAIN_CHARS = 128

/** What a key counts: it is part of its name, since a policy that counts in another way from today on can't read the old one. */
export type KeyKind = 'bucket' | 'window' | 'places'

/** `sluice:limit:bucket:burst:192.0.2.1` */
export function redisKey(prefix: string, kind: KeyKind, name: string, key: string): string {
  return `${prefix}${kind}:${name}:${key.length <= MAX_PLAIN_CHARS ? key : hash('sha256', key, 'base64url')}`
}

/** Two limits that nobody has named would be one in Redis. @throws {ConfigError} */
export function assertNamed({ isNamed, at }: { readonly isNamed: boolean; readonly at: string }): void {
  if (!isNamed) throw new ConfigError(`${at}.name`, 'must be given: it is what other processes know the limit by')
}
