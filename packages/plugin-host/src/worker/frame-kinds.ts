/** What the two threads say to each other. */

/** To the plugin's thread. */
export const TO_THREAD = {
  /** A hook is to be called. */
  call: 0,
  /** A call by HTTP has ended. */
  httpEnded: 1,
  /** The time of one of its timers has come. */
  timer: 2,
  /** Nobody waits for a call any more. */
  abandoned: 3,
} as const

/** From it. */
export const FROM_THREAD = {
  /** It has an instance. */
  ready: 0,
  /** It has none, and why. */
  refused: 1,
  /** What came of a call. */
  outcome: 2,
  /** A call waits, and others go on. */
  waiting: 3,
  log: 4,
  metric: 5,
  /** A timer is to be set, or taken back. */
  timer: 6,
  timerCancelled: 7,
  /** A further instance could not be made. */
  fault: 8,
} as const

/** Questions, for whose answer the guest stands still. */
export const ASK = {
  kvGet: 0,
  kvSet: 1,
  kvDelete: 2,
  kvIncrement: 3,
  kvSwap: 4,
  http: 5,
  random: 6,
} as const
