/** What hooks return, and what host functions return where it is no length (docs/plugin-abi.md). */

/** Go on. */
export const CONTINUE: i32 = 0
/** Send the reply that was given to `respond`. */
export const RESPOND: i32 = 1
/** Go on when `on_http_reply` says so. */
export const PAUSE: i32 = 2
/** Go on, and call no further hook of this plugin for this exchange. */
export const SKIP: i32 = 3

export const MISSING: i32 = -1
export const DENIED: i32 = -2
export const INVALID: i32 = -3
export const LIMIT: i32 = -4

/**
 * Passes on a length, 0 or `MISSING`. What else is below 0 is a mistake of the plugin or of its manifest, which nobody would notice if
 * it read as an empty value: it ends the call as a fault that says what was missing.
 */
export function expectResult(result: i32, what: string): i32 {
  if (result >= MISSING) return result
  if (result == DENIED) throw new Error('the manifest does not grant ' + what)
  if (result == LIMIT) throw new Error('there is no room for ' + what)
  throw new Error('not possible here: ' + what)
}
