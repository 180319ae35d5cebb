/**
 * Purges of late, so that they also mean what is on its way: a response that was asked for before a purge, and comes to be
 * stored after it, is what the purge wanted gone. Purges are numbered rather than timed: clocks stand still for milliseconds.
 *
 * The log is bounded. What was asked for before its oldest purge counts as purged.
 */
import type { PurgeSelector } from './store.ts'

/** What purges mean for a response: nothing, not to be kept, or stale since this time. */
export type PurgeVerdict = 'kept' | 'gone' | number

/** What purges go by. */
export interface Purgeable {
  readonly url: string
  readonly tags: Pick<readonly string[], 'includes'>
}

interface LoggedPurge {
  readonly selector: PurgeSelector
  readonly isSoft: boolean
  readonly at: number
  readonly chars: number
}

const MAX_PURGES = 1_000
const MAX_CHARS = 65_536

export class PurgeLog {
  #purges: LoggedPurge[] = []
  #chars = 0
  /** Number of the oldest purge that is still known. */
  #oldest = 0

  /** How many purges there were. */
  get count(): number {
    return this.#oldest + this.#purges.length
  }

  add(selector: PurgeSelector, isSoft: boolean, at: number): void {
    const chars = charsOf(selector)
    this.#purges.push({ selector, isSoft, at, chars })
    this.#chars += chars
    // Half at a time, so that it costs nothing on the whole.
    if (this.#purges.length > MAX_PURGES || this.#chars > MAX_CHARS) this.#forget(Math.ceil(this.#purges.length / 2))
  }

  /** What the purges since there were `count` mean for `head`. */
  verdict(count: number, head: Purgeable): PurgeVerdict {
    if (count >= this.count) return 'kept'
    if (count < this.#oldest) return 'gone'
    let verdict: PurgeVerdict = 'kept'
    for (let i = count - this.#oldest; i < this.#purges.length; i++) {
      const { selector, isSoft, at } = this.#purges[i]!
      if (!isMeant(selector, head)) continue
      if (!isSoft) return 'gone'
      verdict = at
    }
    return verdict
  }

  #forget(count: number): void {
    for (const { chars } of this.#purges.splice(0, count)) this.#chars -= chars
    this.#oldest += count
  }
}

/** Whether a selector means this response. */
export function isMeant(selector: PurgeSelector, head: Purgeable): boolean {
  if ('url' in selector) return head.url === selector.url
  if ('prefix' in selector) return head.url.startsWith(selector.prefix)
  if ('tags' in selector) return selector.tags.some((tag) => head.tags.includes(tag))
  return selector.all
}

function charsOf(selector: PurgeSelector): number {
  if ('url' in selector) return selector.url.length
  if ('prefix' in selector) return selector.prefix.length
  return 'tags' in selector ? selector.tags.reduce((sum, tag) => sum + tag.length, 0) : 0
}
