/** The real dice. */
import type { Random } from '@sluice/core'

export const systemRandom: Random = () => Math.random()
