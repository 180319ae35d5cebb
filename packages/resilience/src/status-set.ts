/** Sets of status codes as options: a list of codes (`503`), ranges (`"200-299"`) and classes (`"5xx"`). */
import { ConfigError } from '@sluice/core'

/** `503`, `"503"`, `"200-299"` or `"5xx"`. */
export type StatusRange = number | string

const FIRST = 100
const LAST = 599

/** A compiled list: one look-up for each question. */
export class StatusSet {
  /** By status, so that asking is one read. */
  readonly #members: Uint8Array = new Uint8Array(LAST + 1)

  /** @throws {ConfigError} where a range is not one, or lies outside 100 to 599 */
  constructor(ranges: readonly StatusRange[], at: string) {
    if (!Array.isArray(ranges)) throw new ConfigError(at, 'must be a list of statuses, such as [503, "200-299", "5xx"]')
    for (const [index, range] of ranges.entries()) {
      const [first, last] = boundsOf(range, `${at}[${index}]`)
      this.#members.fill(1, first, last + 1)
    }
  }

  has(status: number): boolean {
    return this.#members[status] === 1
  }
}

function boundsOf(range: unknown, at: string): readonly [first: number, last: number] {
  const parts = /^(?:([1-5])xx|(\d{3})(?:-(\d{3}))?)$/.exec(String(range))
  if (parts === null) throw new ConfigError(at, `"${String(range)}" is not a status, a range or a class of statuses`)
  const [, group, from, to = from] = parts
  const first = group === undefined ? Number(from) : Number(group) * 100
  const last = group === undefined ? Number(to) : first + 99
  if (first < FIRST || last > LAST || first > last) throw new ConfigError(at, `must lie within ${FIRST} to ${LAST}`)
  return [first, last]
}
