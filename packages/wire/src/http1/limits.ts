/** Bounds on what a peer may send. Every one is checked while bytes arrive, not after. */

/** Options of the parsers. */
export interface MessageLimits {
  /** Longest request target, in bytes. @default 8_192 */
  readonly maxTargetBytes: number
  /** Largest head: start line and fields. @default 16_384 */
  readonly maxHeadBytes: number
  /** Most fields in a head, and most in a trailer section. @default 100 */
  readonly maxFields: number
  /** Longest chunk line, extensions included. @default 256 */
  readonly maxChunkLineBytes: number
  /** Largest trailer section. @default 8_192 */
  readonly maxTrailerBytes: number
}

export const DEFAULT_LIMITS: MessageLimits = Object.freeze({
  maxTargetBytes: 8_192,
  maxHeadBytes: 16_384,
  maxFields: 100,
  maxChunkLineBytes: 256,
  maxTrailerBytes: 8_192,
})
