/** Digests of content (RFC 9530): the one way in which a signature covers a body. */
import { hash, timingSafeEqual } from 'node:crypto'
import { type Item, parseDictionary, serializeDictionary } from 'structured-headers'

/** Those that are safe to rely on (RFC 9530, section 5). */
export type DigestAlgorithm = 'sha-256' | 'sha-512'

const HASHES: Readonly<Record<string, string>> = { 'sha-256': 'sha256', 'sha-512': 'sha512' }

/** The value of `Content-Digest` for a body. */
export function contentDigest(body: Uint8Array, algorithm: DigestAlgorithm): string {
  // Its own bytes: those of a small buffer lie in a pool.
  const digest = Uint8Array.from(hash(HASHES[algorithm]!, body, 'buffer'))
  return serializeDictionary(new Map([[algorithm, [digest, new Map()] as Item]]))
}

/**
 * Whether the field speaks of this body: every digest in it that can be checked is right, and there is one at least. One of
 * an algorithm that is not known, or not safe, says nothing.
 */
export function hasDigest(field: string, body: Uint8Array): boolean {
  let checked = 0
  try {
    for (const [algorithm, [value]] of parseDictionary(field)) {
      const name = Object.hasOwn(HASHES, algorithm) ? HASHES[algorithm] : undefined
      if (name === undefined) continue
      const actual = hash(name, body, 'buffer')
      const claimed = value instanceof ArrayBuffer ? new Uint8Array(value) : new Uint8Array(0)
      if (claimed.byteLength !== actual.byteLength || !timingSafeEqual(claimed, actual)) return false
      checked++
    }
  } catch {
    return false
  }
  return checked > 0
}
