/** What fields say of one limit, whichever family of fields it is. */

/** What is fixed. */
export interface LimitFace {
  readonly name: string
  /** Units for each window, or exchanges at once. */
  readonly quota: number
  /** Missing where it is not about time. */
  readonly windowMs: number | undefined
  /** The name as a string of a structured field: made once, not for each reply. */
  readonly quoted: string
}

export function limitFace(name: string, quota: number, windowMs: number | undefined): LimitFace {
  return { name, quota, windowMs, quoted: quoted(name) }
}

/** A string of a structured field (RFC 9651, section 3.3.3). */
export function quoted(name: string): string {
  return `"${name.replaceAll(/["\\]/g, String.raw`\$&`)}"`
}

/** What is so at this moment. */
export interface LimitState {
  readonly face: LimitFace
  readonly remaining: number
  /** Milliseconds until more can be spent, or until all is there again; missing where time does not tell. */
  readonly resetMs: number | undefined
}

/** Whole units, as fields want them: never more than there are. The sum of times may be a hair below a whole one. */
export function wholeUnits(units: number): number {
  return Math.max(0, Math.floor(units + 1e-6))
}

/** Whole seconds, never sooner. */
export function wholeSeconds(ms: number): number {
  return Math.max(0, Math.ceil(ms / 1_000 - 1e-6))
}

/** The limit that a client meets first: what families of fields that know of one only speak of. */
export function tightest(states: readonly LimitState[]): LimitState {
  return states.reduce((found, each) =>
    each.remaining < found.remaining ||
    (each.remaining === found.remaining && (each.resetMs ?? 0) > (found.resetMs ?? 0))
      ? each
      : found,
  )
}
