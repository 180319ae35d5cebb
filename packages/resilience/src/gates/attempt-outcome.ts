/** What gates ask of an attempt that they observe. */
import type { Attempt } from '@sluice/core'

/** Whether its head had come and then its body broke: the second of two calls of `observe`. */
export function brokeOff(attempt: Attempt): boolean {
  return attempt.phase === 'failed' && attempt.status !== undefined
}
