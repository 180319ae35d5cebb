/**
 * The end of a turn of the event loop, when everything that the sockets have brought was looked at: what waits for it is called by one
 * `setImmediate` for all connections. Replies of many streams that come in one turn leave in one write.
 */

/** Called once, and not again before it has asked again. */
export interface TurnTask {
  /** May not throw. */
  turnEnded(): void
}

let waiting: TurnTask[] = []

export function atTurnEnd(task: TurnTask): void {
  if (waiting.push(task) === 1) setImmediate(endTurn)
}

function endTurn(): void {
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
