/** A response that has just come, for all who wait for it. Mostly nobody does: its head is read when the first one asks. */
import type { Body } from '@sluice/wire'
import { type Reading, readHead } from '../policy/reading.ts'
import type { Judged } from '../recorder.ts'
import type { ReplyContent } from '../reply/entry-reply.ts'
import type { SharedReply } from './flight.ts'

/** A body that is in memory. Whether anybody wants its bytes shows when one asks. */
export class WholeContent implements ReplyContent {
  readonly #body: Body

  constructor(body: Body) {
    this.#body = body
  }

  get bodyBytes(): number | undefined {
    return this.#body.length
  }

  get text(): string | undefined {
    return this.#body.latin1
  }

  get bytes(): Uint8Array | undefined {
    return this.#body.inMemory
  }
}

export class FetchedReply implements SharedReply {
  readonly content: ReplyContent
  readonly #judged: Judged
  readonly #bodyBytes: number | undefined
  #reading: Reading | undefined = undefined

  constructor(judged: Judged, bodyBytes: number | undefined, content: ReplyContent) {
    this.#judged = judged
    this.#bodyBytes = bodyBytes
    this.content = content
  }

  get reading(): Reading {
    return (this.#reading ??= readHead(this.#judged.head, this.#bodyBytes)!)
  }

  get entryKey(): string {
    return this.#judged.key
  }

  get primaryKey(): string {
    return this.#judged.primaryKey
  }

  get vary(): readonly string[] {
    return this.#judged.vary
  }
}
