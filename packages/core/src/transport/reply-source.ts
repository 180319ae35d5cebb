/** The body of a reply whose call is given up in two ways: by its reader, without a word to it; and by others, who break it. */
import type { BodySink, BodySource } from '@sluice/wire'

/** Where the bytes come from. */
export interface ReplyBodyOwner {
  startBody(sink: BodySink): void
  resumeBody(): void
  /** The reader gives up, and is told nothing more. */
  abandonBody(error: Error): void
}

export class ReplySource implements BodySource {
  readonly #owner: ReplyBodyOwner

  constructor(owner: ReplyBodyOwner) {
    this.#owner = owner
  }

  start(sink: BodySink): void {
    this.#owner.startBody(sink)
  }

  resume(): void {
    this.#owner.resumeBody()
  }

  cancel(error: Error): void {
    this.#owner.abandonBody(error)
  }
}
