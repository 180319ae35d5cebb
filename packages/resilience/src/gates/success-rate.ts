/**
 * Which targets answer markedly worse than the others: those whose success rate is below the mean by more than so many
 * standard deviations (Envoy's success-rate outlier detection).
 */

/** What a comparison of targets needs. */
export interface SuccessRateRule {
  /** How many standard deviations below the mean is too low. */
  readonly factor: number
  /** Fewer targets than this can not be compared. */
  readonly minTargets: number
  /** A target with fewer results than this is not compared. */
  readonly minVolume: number
}

/** Results of one target since the last comparison. */
export interface TargetResults {
  readonly successes: number
  readonly failures: number
}

/** Rates that differ by less are the same, whatever the rounding. */
const TOLERANCE = 1e-9

/**
 * Those that stand out, the worst first. With few targets one alone can not stand out by 1.9 deviations: the bound of n
 * equal values and one other is (n - 1) / sqrt(n), which is 1.79 for five.
 */
export function successRateOutliers<T extends TargetResults>(all: readonly T[], rule: SuccessRateRule): readonly T[] {
  const compared = all.filter((each) => each.successes + each.failures >= rule.minVolume)
  if (compared.length === 0 || compared.length < rule.minTargets) return []
  const mean = compared.reduce((sum, each) => sum + rateOf(each), 0) / compared.length
  const variance = compared.reduce((sum, each) => sum + (rateOf(each) - mean) ** 2, 0) / compared.length
  const threshold = mean - rule.factor * Math.sqrt(variance) - TOLERANCE
  return compared.filter((each) => rateOf(each) < threshold).sort((a, b) => rateOf(a) - rateOf(b))
}

function rateOf({ successes, failures }: TargetResults): number {
  return successes / (successes + failures)
}
