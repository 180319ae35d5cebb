/**
 * Names with `*` for any characters. Matched by the two-pointer walk that goes back to the last star alone, so that no
 * pattern takes more than its length times the name's.
 */

/** Whether a name is among those that a list grants. */
export type Matcher = (name: string) => boolean

/** Compiles a list. With `ignoreCase` the patterns are lowered; names must come in lower case then. */
export function compileGlobs(patterns: readonly string[], options: { readonly ignoreCase?: boolean } = {}): Matcher {
  const all = options.ignoreCase === true ? patterns.map((pattern) => pattern.toLowerCase()) : patterns
  const exact = new Set(all.filter((pattern) => !pattern.includes('*')))
  const globs = all.filter((pattern) => pattern.includes('*'))
  if (globs.includes('*')) return () => true
  if (globs.length === 0) return exact.size === 0 ? () => false : (name) => exact.has(name)
  return (name) => exact.has(name) || globs.some((glob) => matches(glob, name))
}

function matches(glob: string, name: string): boolean {
  let at = 0
  let star = -1
  let resumeAt = 0
  let i = 0
  while (i < name.length) {
    if (glob[at] === '*') {
      star = at++
      resumeAt = i
    } else if (glob[at] === name[i]) {
      at++
      i++
    } else if (star >= 0) {
      at = star + 1
      i = ++resumeAt
    } else return false
  }
  while (glob[at] === '*') at++
  return at === glob.length
}
