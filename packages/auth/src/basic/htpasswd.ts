/** Files as `htpasswd` writes them: a user and a hash to a line. */
import { ConfigError } from '@sluice/core'
import { passwordHash, type PasswordVerifiers, type StoredPassword } from './password.ts'

/**
 * Empty lines and those that begin with `#` are passed over.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG` for anything that is not known to be safe; it names the line and shows nothing of it
 */
export function parseHtpasswd(text: string, verifiers: PasswordVerifiers, at: string): Map<string, StoredPassword> {
  const users = new Map<string, StoredPassword>()
  text.split('\n').forEach((raw, index) => {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) return
    const where = `${at}, line ${index + 1}`
    const colon = line.indexOf(':')
    if (colon < 1) throw new ConfigError(where, 'must be a user, a colon and a hash')
    const user = line.slice(0, colon).normalize('NFC')
    if (users.has(user)) throw new ConfigError(where, 'has a user who was there before')
    users.set(user, passwordHash(line.slice(colon + 1), verifiers, where))
  })
  return users
}
