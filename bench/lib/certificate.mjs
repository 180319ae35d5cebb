/** One certificate for all subjects of a run: ECDSA P-256, new for each run, with its chain of one authority. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { certificateAuthority } from '@sluice/testing'

/** Gives the folder that a subject gets as an argument, and the authority's certificate. The folder goes with this process. */
export function issueCertificate() {
  const authority = certificateAuthority()
  const { cert, key } = authority.issue({ names: ['127.0.0.1', 'localhost'] })
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  // HAProxy wants certificate and key in one file.
  const files = { 'cert.pem': cert, 'key.pem': key, 'both.pem': cert + key }
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content, { mode: 0o600 })
  return { folder, ca: authority.cert }
}
