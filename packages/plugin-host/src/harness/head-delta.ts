/** What a plugin has changed in a head, as data to compare in a test. */
import type { HeaderList } from '@sluice/wire'

/** The difference between two heads. Names are in lower case; several values are a list. */
export interface HeadDelta {
  /** Fields that are there afterwards with another value than before, or were not there. */
  readonly set: Readonly<Record<string, string | readonly string[]>>
  /** Fields that are there no more. */
  readonly removed: readonly string[]
}

export function headDelta(before: HeaderList, after: HeaderList): HeadDelta {
  const old = before.toJSON()
  const now = after.toJSON()
  const set = Object.entries(now).filter(([name, value]) => String(old[name]) !== String(value) || !(name in old))
  return { set: Object.fromEntries(set), removed: Object.keys(old).filter((name) => !(name in now)) }
}
