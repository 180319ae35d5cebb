/**
 * The end of a turn of the event loop, when everything that the sockets have brought was looked at: what waits for it is called by one
 * `setImmediate` for all connections. Replies of many streams that come in one turn leave in one write.
 */

import type { Clock } from '../clock.ts'

/** How long a turn goes on beginning requests and breaking others off, of all connections together. */
const TURN_MS = 0.5

/** Called once, and not again before it has asked again. */
export interface TurnTask {
  /** May not throw. */
  turnEnded(): void
}

let waiting: TurnTask[] = []
let isScheduled = false
/** When this turn has begun with what {@link hasTime} is asked for; below 0 while it has not. */
let beganAt = -1

export function atTurnEnd(task: TurnTask): void {
  waiting.push(task)
  schedule()
}

/**
 * Whether this turn has time for one more that begins or is broken off. What that costs is not known beforehand: a request that needs
 * a new connection to its target costs ten times as much as one that does not.
 */
export function hasTime(clock: Clock): boolean {
  const now = clock.now()
  if (beganAt < 0) {
    beganAt = now
    schedule()
  }
  return now - beganAt < TURN_MS
}

function schedule(): void {
  if (isScheduled) return
  isScheduled = true
  setImmediate(endTurn)
}

function endTurn(): void {
  isScheduled = false
  beganAt = -1
  const tasks = waiting
  waiting = []
  let next = 0
  try {
    while (next < tasks.length) tasks[next++]!.turnEnded()
  } finally {
    // Only where one threw: that is no reason to forget the others.
    for (const task of tasks.slice(next)) atTurnEnd(task)
  }
}
