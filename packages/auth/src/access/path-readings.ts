/**
 * How else than the guard an upstream may read a path that is not ambiguous by itself. Tomcat and Jetty take path parameters off
 * (`/admin;x` is `/admin` to them), IIS and by default Express compare without regard to case, and many ignore a slash at the
 * end. A rule is asked for each of these readings, with the rule's own path read in the same way; a refusal in any of them wins.
 */
import { canonicalPath, ConfigError } from '@sluice/core'

/**
 * - `path-parameters`: `;` (and `%3B`) and what follows it in a segment does not count.
 * - `letter-case`: capital letters of ASCII are small ones.
 * - `trailing-slash`: a slash at the end does not count.
 */
export type PathReading = 'path-parameters' | 'letter-case' | 'trailing-slash'

/** All of them. */
export const PATH_READINGS: readonly PathReading[] = Object.freeze(['path-parameters', 'letter-case', 'trailing-slash'])

/** Readings as bits, which combine. */
export type ReadingMask = number

const [PARAMETERS, LETTERS, SLASH] = [1, 2, 4] as const
const FLAG: Readonly<Record<PathReading, ReadingMask>> = {
  'path-parameters': PARAMETERS,
  'letter-case': LETTERS,
  'trailing-slash': SLASH,
}

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function readingMask(readings: readonly PathReading[] = PATH_READINGS, at: string): ReadingMask {
  if (!Array.isArray(readings)) throw new ConfigError(at, 'must be a list')
  return readings.reduce<ReadingMask>((mask, reading: PathReading, index) => {
    const flag = Object.hasOwn(FLAG, reading) ? FLAG[reading] : undefined
    if (flag === undefined) throw new ConfigError(`${at}[${index}]`, `must be one of ${PATH_READINGS.join(', ')}`)
    return mask | flag
  }, 0)
}

/** A canonical path, or the pattern of one, as it is read. */
export function readPath(path: string, mask: ReadingMask): string {
  let read = path
  // Nothing may be left of a segment, and be merged with its neighbours: `/;x/admin`.
  if (mask & PARAMETERS) read = canonicalPath(read.replace(/(?:;|%3B)[^/]*/g, '')).path
  // The digits of escapes are capital in canonical paths.
  if (mask & LETTERS)
    read = read.replace(/%[0-9A-F]{2}|[A-Z]+/g, (part) => (part.startsWith('%') ? part : part.toLowerCase()))
  if (mask & SLASH && read.length > 1 && read.endsWith('/')) read = read.slice(0, -1)
  return read
}

/** Which of the readings may make another path of it: more than they do is no harm. */
export function readingsThatMatter(path: string, mask: ReadingMask): ReadingMask {
  let matter = 0
  if (mask & PARAMETERS && (path.includes(';') || path.includes('%3B'))) matter |= PARAMETERS
  if (mask & LETTERS && /[A-Z]/.test(path)) matter |= LETTERS
  // What is in front of it may have parameters.
  if (mask & SLASH && path.length > 1 && (path.endsWith('/') || matter & PARAMETERS)) matter |= SLASH
  return matter
}

/** Those combinations of the readings in `mask` that there are, each once, the plain one (0) left out. */
export function combinationsOf(mask: ReadingMask): ReadingMask[] {
  const combinations: ReadingMask[] = []
  for (let each = mask; each > 0; each = (each - 1) & mask) combinations.push(each)
  return combinations
}
