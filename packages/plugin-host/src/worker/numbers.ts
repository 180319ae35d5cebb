/** Numbers of calls and timers: they go through frames of 32 bits and a signed cell, where 0 is none, and a proxy may run for years. */

const LAST = 0x7fff_ffff

/** The next one. After the last comes the first: whatever had it has ended long ago. */
export function numberAfter(number: number): number {
  return number >= LAST ? 1 : number + 1
}
