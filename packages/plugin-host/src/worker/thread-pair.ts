/** The thread that takes calls, and the one beside it that takes over where the first is lost. */
import type { PluginThread } from './plugin-thread.ts'

export class ThreadPair {
  readonly #start: () => PluginThread | undefined
  #current: PluginThread | undefined = undefined
  #next: PluginThread | undefined = undefined
  #isHeld = false
  /** Threads that ended, or had to be. */
  lost = 0

  /** `start` gives none where there can be none. */
  constructor(start: () => PluginThread | undefined) {
    this.#start = start
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
    this.#next ??= this.#start()
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
    this.#current?.end()
    this.#next?.end()
    this.#current = this.#next = undefined
  }
}
