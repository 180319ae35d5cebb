/** What TLS is in every subject: version 1.3 with one cipher, so that proxies are compared and not preferences. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const CIPHER = 'TLS_AES_128_GCM_SHA256'

/** For `node:tls` and for Sluice, from the folder that a subject got; `undefined` without one: plain text. */
export function tlsOptions(folder) {
  if (folder === undefined) return undefined
  return {
    cert: readFileSync(join(folder, 'cert.pem')),
    key: readFileSync(join(folder, 'key.pem')),
    minVersion: 'TLSv1.3',
    ciphers: CIPHER,
  }
}
