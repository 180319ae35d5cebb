/**
 * The rule: what our reader accepts, Node's reads the same way. Ours may refuse more. Where it accepts what Node refuses,
 * that has to be one of the kinds listed here, each of which an RFC allows.
 */
import type { ReadMessage, Reading } from './reading.ts'

/** Something that our reader may accept though Node's does not. */
export interface LegalKind {
  readonly name: string
  /** What makes it legal. */
  readonly source: string
  /** Whether it explains that message, of what was sent. */
  matches(message: ReadMessage, sent: string): boolean
  /** Whether Node, rather than refuse the message, may read it in another way. @default false */
  readonly mayBeReadOtherwise?: boolean
}

/** What is wrong, or `undefined`. `used` counts the kinds that were met. */
export function disagreement(
  ours: Reading,
  nodes: Reading,
  sent: string,
  kinds: readonly LegalKind[],
  used: Map<string, number>,
): string | undefined {
  for (const [index, message] of ours.messages.entries()) {
    const theirs = nodes.messages[index]
    const found = theirs === undefined ? 'only we read it' : difference(message, theirs, nodes.isRefused)
    if (found === undefined) continue
    const isRefused = nodes.isRefused || theirs === undefined
    const kind = kinds.find((each) => (isRefused || each.mayBeReadOtherwise === true) && each.matches(message, sent))
    if (kind === undefined) return `message ${index}: ${found}`
    used.set(kind.name, (used.get(kind.name) ?? 0) + 1)
    // Behind what it refused, Node has read nothing.
    return undefined
  }
  if (ours.isRefused || ours.isClosed) return undefined
  if (nodes.messages.length > ours.messages.length) return `only Node read message ${ours.messages.length}`
  return undefined
}

function difference(ours: ReadMessage, theirs: ReadMessage, isRefusedThere: boolean): string | undefined {
  if (ours.start !== theirs.start) return `starts ${quote(ours.start)} here, ${quote(theirs.start)} there`
  if (quote(ours.fields) !== quote(theirs.fields))
    return `fields ${quote(ours.fields)} here, ${quote(theirs.fields)} there`
  if (ours.isComplete && !theirs.isComplete) return `complete here, ${isRefusedThere ? 'refused' : 'incomplete'} there`
  if (!ours.isComplete) {
    // Neither waits for the other: one of the two bodies begins with the other.
    const agrees = ours.body.startsWith(theirs.body) || theirs.body.startsWith(ours.body)
    return agrees ? undefined : `begins ${quote(ours.body)} here, ${quote(theirs.body)} there`
  }
  if (ours.body !== theirs.body) return `body ${quote(ours.body)} here, ${quote(theirs.body)} there`
  if (quote(ours.trailers) !== quote(theirs.trailers))
    return `trailers ${quote(ours.trailers)} here, ${quote(theirs.trailers)} there`
  return undefined
}

function quote(value: unknown): string {
  return JSON.stringify(value)
}
