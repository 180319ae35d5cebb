/**
 * What a plugin's thread and the proxy's have in common: some numbers, a ring of bytes for each direction, and room for one
 * question. Memory that is shared costs no message for each call, and what a thread has written can be read after its end.
 */

/** Places among the numbers. */
export const CELL = {
  /** Counts up when the thread is to wake. */
  bell: 0,
  /** 1 while it sleeps or is about to. */
  asleep: 1,
  /** 1 while the proxy was told to look, and has not yet. */
  rung: 2,
  /** The number of the call whose guest runs; 0 for none. */
  running: 3,
  /** Bytes written to and read from the rings. */
  toThreadWritten: 4,
  toThreadRead: 5,
  fromThreadWritten: 6,
  fromThreadRead: 7,
  /** 1 while the thread waits for room in its ring. */
  wantsRoom: 8,
  /** See {@link QUESTION}. */
  question: 9,
  /** 1 while the proxy waits for room in its own. */
  proxyWantsRoom: 10,
} as const

/** How it stands with a question of the thread. */
export const QUESTION = { none: 0, asked: 1, answered: 2 } as const

const CELLS = 16
/** A power of two. */
export const RING_BYTES = 131_072
/** What is longer than this goes as a message. */
export const QUESTION_BYTES = 16_384

/** All of it. */
export interface SharedAreas {
  readonly cells: Int32Array
  readonly toThread: SharedArrayBuffer
  readonly fromThread: SharedArrayBuffer
  readonly question: SharedArrayBuffer
}

export function newAreas(): SharedAreas {
  return {
    cells: new Int32Array(new SharedArrayBuffer(4 * CELLS)),
    toThread: new SharedArrayBuffer(RING_BYTES),
    fromThread: new SharedArrayBuffer(RING_BYTES),
    question: new SharedArrayBuffer(4 + QUESTION_BYTES),
  }
}
