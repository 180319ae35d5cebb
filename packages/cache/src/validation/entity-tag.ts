/** Entity tags (RFC 9110, section 8.8.3) and lists of them. */

/** The opaque part without the mark of weakness; what is malformed stays as it is and matches only itself. */
export function opaqueTag(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag
}

/** Whether it can tell one representation from another byte by byte. */
export function isStrong(tag: string): boolean {
  return tag.startsWith('"')
}

/** The comparison of `If-None-Match` (section 8.8.3.2). */
export function matchesWeakly(a: string, b: string): boolean {
  return opaqueTag(a) === opaqueTag(b)
}

/** The comparison of `If-Range`. */
export function matchesStrongly(a: string, b: string): boolean {
  return a === b && isStrong(a)
}

/** Whether a list of tags, or `*`, has one that matches weakly. Commas in tags are no separators. */
export function listMatches(list: string, tag: string): boolean {
  const text = list.trim()
  if (text === '*') return true
  if (text === tag) return true
  const wanted = opaqueTag(tag)
  for (const [member] of text.matchAll(MEMBER)) if (opaqueTag(member) === wanted) return true
  return false
}

const MEMBER = /(?:W\/)?"[^"]*"|[^\s,"]+/g
