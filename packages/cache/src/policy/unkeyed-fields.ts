/** Request fields that no key has: what they bring about is not for others. */
import type { HeaderList } from '@sluice/wire'

/**
 * Finds out whether a request has one of these, their names in lower case. With `_` for `-` they are the same: CGI-like upstreams take them
 * for it.
 */
export function unkeyedTest(names: readonly string[]): (request: HeaderList) => boolean {
  if (names.length === 0) return () => false
  const unkeyed = new Set(names.map(dashed))
  return (request) => {
    for (const key of request.keys()) if (unkeyed.has(dashed(key))) return true
    return false
  }
}

function dashed(name: string): string {
  return name.includes('_') ? name.replaceAll('_', '-') : name
}
