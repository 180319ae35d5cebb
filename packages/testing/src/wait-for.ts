/** Waiting for what real sockets do: the one thing in a test that a virtual clock can't hurry. */
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '@sluice/wire'

/** How long to wait. */
export interface WaitForOptions {
  /** Longest wait, in real milliseconds. @default 5_000 */
  readonly timeoutMs?: number
  /** Pause between two looks, in real milliseconds. @default 2 */
  readonly intervalMs?: number
  /** What is waited for, for the error's message. @default the predicate's source */
  readonly what?: string
}

/**
 * Resolves once `predicate` returns true. Looks at once, then again and again.
 * @throws {Error} when that has not come about in time; or what the predicate throws
 */
export async function waitFor(predicate: () => boolean, options: WaitForOptions = {}): Promise<void> {
  const { timeoutMs = 5_000, intervalMs = 2, what = String(predicate) } = options
  const deadline = systemClock.now() + timeoutMs
  while (!predicate()) {
    if (systemClock.now() >= deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`)
    await sleep(intervalMs)
  }
}
