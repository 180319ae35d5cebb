/** Counts of seconds (RFC 9111, section 1.2.2). */

/** What is larger counts as this: 68 years. */
export const MAX_DELTA_SECONDS: number = 2_147_483_648

/** The number, at most {@link MAX_DELTA_SECONDS}; `undefined` where the text is anything but digits. Never throws. */
export function parseDeltaSeconds(text: string): number | undefined {
  const { length } = text
  if (length === 0) return undefined
  let seconds = 0
  for (let i = 0; i < length; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return undefined
    seconds = Math.min(seconds * 10 + digit, MAX_DELTA_SECONDS)
  }
  return seconds
}

/** `Age` (section 5.1): of a list the first member counts; what is no number is ignored. In milliseconds. */
export function parseAge(values: readonly string[]): number {
  const first = values[0]?.split(',', 1)[0]?.trim() ?? ''
  return (parseDeltaSeconds(first) ?? 0) * 1_000
}
