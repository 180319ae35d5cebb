/** What is done to messages that are well-formed, more or less, so that they are less so. */
import type { Dice } from './dice.ts'

const INSERTED = ['\r', '\n', '\r\n', '\0', ' ', '\t', ':', ';', ',', '\x0b', '\x7f', '\xff', '0', '\r\n\r\n', '\r\n ']

/** Drops, repeats, reorders and folds lines. */
export function mutateLines(dice: Dice, lines: readonly string[]): string[] {
  const mutated = [...lines]
  const at = dice.below(mutated.length)
  const line = mutated[at] ?? ''
  switch (dice.below(4)) {
    case 0:
      mutated.splice(at, 1)
      break
    case 1:
      mutated.splice(dice.below(mutated.length), 0, line)
      break
    case 2:
      mutated.splice(at, 1)
      mutated.splice(dice.below(mutated.length + 1), 0, line)
      break
    default:
      mutated.splice(at + 1, 0, `${dice.pick([' ', '\t'])}${dice.pick(['folded', 'chunked', ''])}`)
  }
  return mutated
}

/** Flips, inserts, removes or repeats a few bytes, or cuts the text off. */
export function mutateBytes(dice: Dice, text: string): string {
  let mutated = text
  for (let left = dice.between(1, 3); left > 0; left--) {
    const at = dice.below(mutated.length + 1)
    const before = mutated.slice(0, at)
    const after = mutated.slice(at)
    const length = dice.between(1, 8)
    switch (dice.below(6)) {
      case 0:
        mutated = before + String.fromCharCode((after.charCodeAt(0) || 0) ^ (1 << dice.below(8))) + after.slice(1)
        break
      case 1:
      case 2:
        mutated = before + dice.pick(INSERTED) + after
        break
      case 3:
        mutated = before + after.slice(length)
        break
      case 4:
        mutated = before + after.slice(0, length) + after
        break
      default:
        if (dice.chance(0.3)) mutated = before
    }
  }
  return mutated
}

/** The end of a line: right, most of the time. */
export function lineEnd(dice: Dice): string {
  return dice.chance(0.995) ? '\r\n' : dice.pick(['\n', '\r', '\r\r\n', '\n\r', ' \r\n', '\0\r\n'])
}

/** Cuts a text into the pieces in which it is sent: at random, but always the same way for the same dice. */
export function split(dice: Dice, text: string): string[] {
  if (text === '' || dice.chance(0.3)) return [text]
  const longest = dice.pick([1, 4, 40, 400])
  const pieces: string[] = []
  for (let at = 0; at < text.length;) {
    // Byte by byte only for a while: each piece costs a turn of the event loop.
    const size = pieces.length > 60 ? text.length : dice.between(1, longest)
    pieces.push(text.slice(at, at + size))
    at += size
  }
  return pieces
}
