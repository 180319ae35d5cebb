/** A hash of keys, for tables that need not tell keys apart by it. */

/** FNV-1a with its upper half folded in, never 0. */
export function hashOf(key: string): number {
  let hash = 0x81_1c_9d_c5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01_00_01_93)
  return hash ^ (hash >>> 15) || 1
}
