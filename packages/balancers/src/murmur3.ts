/**
 * MurmurHash3 of Austin Appleby, the 32-bit form for x86 (github.com/aappleby/smhasher, public domain), over UTF-16 code
 * units: the hash of the text's UTF-16LE bytes. Fast and even; not for secrets, and whoever knows the seed can find texts
 * with equal hashes.
 */

/** The hash of `text` from `start` up to `end`, 32 bits with a sign. */
export function hashText(text: string, start: number, end: number, seed: number): number {
  let hash = seed | 0
  let i = start
  for (; i + 1 < end; i += 2) hash = mixIn(hash, text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16))
  if (i < end) hash ^= scramble(text.charCodeAt(i))
  return finish(hash ^ (2 * (end - start)))
}

/** Takes one block of 32 bits in. */
export function mixIn(hash: number, block: number): number {
  const mixed = hash ^ scramble(block)
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0
}

/** The finaliser: every bit of the input changes each bit of the result in half of the cases. */
export function finish(hash: number): number {
  let mixed = hash ^ (hash >>> 16)
  mixed = Math.imul(mixed, 0x85ebca6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}

function scramble(block: number): number {
  const mixed = Math.imul(block, 0xcc9e2d51)
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593)
}
