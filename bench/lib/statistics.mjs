/** Medians, of values and of ratios. */

export function median(values) {
  if (values.length === 0) return undefined
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * One subject's rounds divided by another's, round by round: the two of a round ran within seconds of each other, so that
 * what the machine's neighbours were doing cancels out. Median and range.
 */
export function ratios(rounds, baselineRounds, key) {
  const quotients = rounds
    .map((values, round) => values?.[key] / baselineRounds?.[round]?.[key])
    .filter((quotient) => Number.isFinite(quotient))
  if (quotients.length === 0) return undefined
  return { median: median(quotients), lowest: Math.min(...quotients), highest: Math.max(...quotients) }
}
