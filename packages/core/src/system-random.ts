/** The process's own source of randomness: what is used where none is injected. */
import type { Random } from './proxy-settings.ts'

/** `Math.random`: fast, and not for secrets. */
export const systemRandom: Random = () => Math.random()
