/** Where the frames for one side go, in the shape of the socket that `ws` writes to. */
import type { FrameOutput } from './ws-parts.ts'

export class Output implements FrameOutput {
  destroyed = false
  readonly #take: (chunk: Buffer) => void

  constructor(take: (chunk: Buffer) => void) {
    this.#take = take
  }

  // The head of a frame and its content come as two writes between these.
  cork(): void {}

  uncork(): void {}

  write(chunk: Buffer | string, done?: () => void): void {
    this.#take(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)
    done?.()
  }
}
