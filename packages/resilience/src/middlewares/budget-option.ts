/** A retry budget as an option: its numbers, or one that several middlewares share. */
import { RetryBudget, type RetryBudgetOptions } from '@sluice/core'

/** @throws {ConfigError} where a number is out of range */
export function budgetOption(budget: RetryBudget | RetryBudgetOptions | undefined, at: string): RetryBudget {
  return budget instanceof RetryBudget ? budget : new RetryBudget(budget, at)
}
