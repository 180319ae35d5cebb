/**
 * Globs on canonical paths: `*` is any part of a segment, `?` one character of it, `**` any number of segments. Compared
 * segment by segment without regular expressions, in a time that is bounded by the length of the path times that of the glob.
 */
import { canonicalPath, ConfigError } from '@sluice/core'

/** Says whether a canonical path matches. */
export type PathGlob = (path: string) => boolean

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` at `at` */
export function compileGlob(glob: string, at: string): PathGlob {
  if (typeof glob !== 'string' || !glob.startsWith('/')) throw new ConfigError(at, `"${glob}" must begin with "/"`)
  const segments = glob
    .slice(1)
    .split('/')
    .map((segment) => compileSegment(segment, glob, at))
  return (path) =>
    matchAll(segments, path.slice(1).split('/'), (segment, text) => segment === text || matchText(segment, text), ANY)
}

const ANY = '**'

/** As it stands in a canonical path. */
function compileSegment(segment: string, glob: string, at: string): string {
  if (segment === ANY) return segment
  if (segment.includes(ANY)) throw new ConfigError(at, `"${glob}": "**" must be a whole segment`)
  const escaped = segment.toWellFormed().replace(/[^\x00-\x7f]+/g, encodeURIComponent)
  // `?` never stands in a path, and so is no part of what is looked at here.
  const canonical = canonicalPath(`/${escaped}`)
  if (segment.includes('#') || !segment.isWellFormed() || canonical.ambiguities !== 0)
    throw new ConfigError(at, `"${glob}" could match no canonical path`)
  return canonical.path.slice(1)
}

/** A segment against a pattern with `*` and `?`. An escape such as `%C3` is three characters. */
function matchText(pattern: string, text: string): boolean {
  return matchAll(pattern, text, (one, other) => one === '?' || one === other, '*')
}

/**
 * Wildcard matching with one point to come back to: when what follows a wildcard does not fit, only the last one may take more,
 * since an earlier one could gain nothing by it.
 */
function matchAll<T extends ArrayLike<string>>(
  pattern: T,
  text: T,
  fits: (pattern: string, text: string) => boolean,
  any: string,
): boolean {
  let [p, t] = [0, 0]
  let [anyAt, resumeAt] = [-1, 0]
  while (t < text.length) {
    if (p < pattern.length && pattern[p] === any) {
      anyAt = p++
      resumeAt = t
    } else if (p < pattern.length && fits(pattern[p]!, text[t]!)) {
      p++
      t++
    } else if (anyAt >= 0) {
      p = anyAt + 1
      t = ++resumeAt
    } else return false
  }
  while (p < pattern.length && pattern[p] === any) p++
  return p === pattern.length
}
