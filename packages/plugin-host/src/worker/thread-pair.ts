/** The thread that takes calls, and the one beside it that takes over where the first is lost. */
import type { PluginThread } from './plugin-thread.ts'

export class ThreadPair {
  readonly #start: () => PluginThread | undefined
  readonly #ended: (thread: PluginThread) => void
  #current: PluginThread | undefined = undefined
  #next: PluginThread | undefined = undefined
  #isHeld = false
  /** Threads that ended, or had to be. */
  lost = 0

  /** `start` gives none where there can be none; `ended` is told of each that is forgotten. */
  constructor(start: () => PluginThread | undefined, ended: (thread: PluginThread) => void) {
    this.#start = start
    this.#ended = ended
  }

  /** Takes calls. */
  get current(): PluginThread | undefined {
    return this.#current
  }

  /** Those that are ready. */
  get ready(): readonly PluginThread[] {
    return [this.#current, this.#next].filter((thread): thread is PluginThread => thread?.isReady === true)
  }

  /** Starts the one beside, unless there is one, or it starts already. */
  startNext(): void {
    if (this.#next === undefined) {
      const started = this.#start()
      // Where there could be none, those that hear of it may have tried again.
      this.#next ??= started
    }
    this.#next?.hold(this.#isHeld)
  }

  /** The one beside takes the place of the first. Whether it was ready for that. */
  promote(): boolean {
    if (this.#next?.isReady !== true) return false
    this.#current = this.#next
    this.#next = undefined
    return true
  }

  /** Ends one, and forgets it. */
  drop(thread: PluginThread): void {
    thread.end()
    this.#ended(thread)
    if (this.#current === thread) this.#current = undefined
    if (this.#next === thread) this.#next = undefined
  }

  /** Whether they keep the process alive: as long as calls are under way. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld
    this.#current?.hold(isHeld)
    this.#next?.hold(isHeld)
  }

  end(): void {
    if (this.#current !== undefined) this.drop(this.#current)
    if (this.#next !== undefined) this.drop(this.#next)
  }
}
