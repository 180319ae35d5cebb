/**
 * The end of a turn of the event loop, when everything that the sockets have brought was looked at: what waits for it is called by one
 * `setImmediate` for all connections. Replies of many streams that come in one turn leave in one write.
 */

import type { Clock } from '../clock.ts'

/** How long a turn goes on beginning requests, of all connections together. */
const BEGINNING_MS = 1

/** Called once, and not again before it has asked again. */
export interface TurnTask {
  /** May not throw. */
  turnEnded(): void
}

let waiting: TurnTask[] = []
/** When this turn has begun to begin; below 0 while it has not. */
let beganAt = -1

export function atTurnEnd(task: TurnTask): void {
  if (waiting.push(task) === 1) setImmediate(endTurn)
}

/**
 * Whether a request more may begin in this turn. What a request costs is not known beforehand: one that needs a new connection to its
 * target costs ten times as much as one that does not.
 */
export function mayBegin(clock: Clock): boolean {
  const now = clock.now()
  if (beganAt < 0) beganAt = now
  return now - beganAt < BEGINNING_MS
}

function endTurn(): void {
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
