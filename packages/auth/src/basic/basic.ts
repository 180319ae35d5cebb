/**
 * Basic authentication (RFC 7617): users from the options, from an htpasswd file that may change, or from functions.
 *
 *     basic({ realm: 'operators', htpasswdFile: '/etc/gateway/users' })
 *     basic({ users: { ada: { passwordHash: '$2b$12$...', roles: ['admin'] } } })
 *
 * Only over TLS: what is sent is the password itself.
 */
import { flagOption, strictOption, wholeOption } from '@sluice/core/options'
import { resolveCache } from '../cache/cache-option.ts'
import { challengeOf, realmOption } from '../challenge.ts'
import { credentialReader } from '../credential-source.ts'
import { defineStrategy } from '../define-strategy.ts'
import { ABSENT, type Refusal, type Strategy } from '../strategy.ts'
import { parseBasic } from './basic-credentials.ts'
import type { BasicOptions } from './basic-options.ts'
import { PasswordChecks } from './password-checks.ts'
import { checksOf } from './user-sources.ts'
import type { BasicIdentity } from './users.ts'

const AT = 'basic'
const NAMES = [
  'users',
  'htpasswdFile',
  'reloadIntervalMs',
  'grants',
  'verify',
  'verifiers',
  'realm',
  'strip',
  'cache',
  'maxConcurrentChecks',
]
const MALFORMED: Refusal = Object.freeze({ kind: 'refused', status: 401, reason: 'malformed' })
const REPEATED: Refusal = Object.freeze({ kind: 'refused', status: 401, reason: 'repeated' })

/**
 * Makes the strategy.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, when it is built
 */
export function basic(options: BasicOptions): Strategy<BasicIdentity> {
  strictOption(options, NAMES, AT)
  const cache = resolveCache(options.cache, options.htpasswdFile !== undefined, 'basic', `${AT}.cache`)
  const max = wholeOption(options.maxConcurrentChecks, 64, `${AT}.maxConcurrentChecks`, 1)
  const checks = new PasswordChecks(checksOf(options, cache), cache, max)
  const reader = credentialReader({ header: 'Authorization', scheme: 'Basic' }, AT)
  const realm = realmOption(options.realm, 'restricted', `${AT}.realm`)
  const challenge = challengeOf('Basic', { realm, charset: 'UTF-8' })
  return defineStrategy<BasicIdentity>({
    scheme: 'basic',
    authenticate: (exchange) => {
      const credential = reader.read(exchange)
      if (credential.kind === 'absent') return ABSENT
      if (credential.kind === 'refused') return credential.reason === 'repeated' ? REPEATED : MALFORMED
      const credentials = parseBasic(credential.value)
      return credentials === undefined ? MALFORMED : checks.verdict(credentials, exchange)
    },
    challenge: () => challenge,
    strip: flagOption(options.strip, true, `${AT}.strip`) ? (exchange) => reader.strip(exchange) : undefined,
    cache,
  })
}
