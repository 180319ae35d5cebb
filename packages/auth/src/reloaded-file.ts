/**
 * A file that may change while the gateway runs. It is looked at when somebody asks, not by a timer: so nothing has to be closed, a gateway
 * that has nothing to do does nothing, and a change counts for every request that comes at least `reloadIntervalMs` after it. Contents are
 * compared, since times and sizes do not tell for certain. What is wrong leaves what was there before.
 */
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { ConfigError } from '@sluice/core'
import type { Clock } from '@sluice/wire'
import { fileReloaded, fileReloadFailed } from './events.ts'

/** What a file is read as. */
export interface FileFormat<T> {
  /** @throws {ConfigError} which names the line that is wrong */
  parse(text: string): T
  /** How many entries there are, for events. */
  count(value: T): number
}

export class ReloadedFile<T> {
  readonly #path: string
  readonly #format: FileFormat<T>
  readonly #intervalMs: number
  readonly #onChange: () => void
  #content: Buffer
  #value: T
  #lookedAt = Number.NEGATIVE_INFINITY
  #looking: Promise<T> | undefined = undefined
  /** The last mistake that was published. */
  #failure = ''

  /**
   * `intervalMs` of 0 never looks again; `onChange` is called before what was read is used.
   * @throws {ConfigError} where it can't be read, or has a mistake in it; `at` is the option's place
   */
  constructor(path: string, format: FileFormat<T>, intervalMs: number, at: string, onChange: () => void) {
    this.#path = path
    this.#format = format
    this.#intervalMs = intervalMs
    this.#onChange = onChange
    try {
      this.#content = readFileSync(path)
    } catch (cause) {
      throw new ConfigError(at, `can not be read: ${(cause as Error).message}`, { cause })
    }
    this.#value = format.parse(this.#content.toString('utf8'))
  }

  /** What was read last. */
  get value(): T {
    return this.#value
  }

  /** What stands in the file; a promise where it is time to look. */
  current(clock: Clock): T | Promise<T> {
    const now = clock.now()
    if (this.#intervalMs === 0 || (now >= this.#lookedAt && now - this.#lookedAt < this.#intervalMs)) return this.#value
    return (this.#looking ??= this.#look(now))
  }

  async #look(now: number): Promise<T> {
    try {
      const content = await readFile(this.#path)
      if (!content.equals(this.#content)) this.#replace(content)
      this.#failure = ''
    } catch (error) {
      this.#failed(error as Error)
    }
    // Those who come while it is read wait for what is read now; so from its beginning.
    this.#lookedAt = now
    this.#looking = undefined
    return this.#value
  }

  #replace(content: Buffer): void {
    const value = this.#format.parse(content.toString('utf8'))
    this.#onChange()
    this.#content = content
    this.#value = value
    if (fileReloaded.hasSubscribers) fileReloaded.publish({ path: this.#path, entries: this.#format.count(value) })
  }

  #failed(error: Error): void {
    if (this.#failure === error.message) return
    this.#failure = error.message
    if (fileReloadFailed.hasSubscribers) fileReloadFailed.publish({ path: this.#path, error })
  }
}
