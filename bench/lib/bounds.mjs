/**
 * What a scenario's figures must be. A bound is `{ subject, baseline, atMost }`, of the ratio of the first figure, or
 * `{ subject, key, atMost }`, of a figure itself.
 */

/** Those that can be checked, because the subjects were measured, each with its `value` and whether it `holds`. */
export function checkBounds({ must = [], columns }, rows) {
  return must.flatMap((bound) => {
    const row = rows.find(({ name }) => name === bound.subject)
    const key = bound.key ?? columns[0].key
    const value = bound.baseline === undefined ? row?.medians[key] : row?.ratios[bound.baseline]?.median
    const title = columns.find((column) => column.key === key).title
    return value === undefined ? [] : [{ ...bound, title, value, holds: value <= bound.atMost }]
  })
}
