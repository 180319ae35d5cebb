/** What has come from one side of a tunnel. */
export interface MessageCounts {
  readonly text: number
  readonly binary: number
  readonly ping: number
  readonly pong: number
  /** Messages that the hook has dropped; they count as text or binary as well. */
  readonly dropped: number
  /** Of text and binary messages, decompressed. */
  readonly bytes: number
}

/** The same while it is counted. */
export type CountedMessages = { -readonly [K in keyof MessageCounts]: MessageCounts[K] }

export function noMessages(): CountedMessages {
  return { text: 0, binary: 0, ping: 0, pong: 0, dropped: 0, bytes: 0 }
}

export function addCounts(to: CountedMessages, counts: MessageCounts): void {
  for (const key of Object.keys(to) as (keyof MessageCounts)[]) to[key] += counts[key]
}
