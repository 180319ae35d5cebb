/**
 * Which purges other processes have done: told on a channel, with their numbers. A number that was left out, or a connection that was
 * lost, means that some were missed: then everything counts as purged, in what stands in front of this store.
 */
import type { Clock } from '@sluice/wire'
import type { PurgeOptions, PurgeSelector } from '../store.ts'
import type { RedisClient, RedisListener } from './redis-client.ts'

type Listener = (selector: PurgeSelector, options: PurgeOptions) => void

/** A purge as it is told and remembered. */
export interface ToldPurge {
  readonly kind: 'url' | 'prefix' | 'tags' | 'all'
  readonly value: string | readonly string[]
  readonly soft: boolean
  /** When, in milliseconds since the Unix epoch. */
  readonly at: number
}

const ALL: PurgeSelector = Object.freeze({ all: true })
/** A purge that Redis knows of and that has not been told for so long was missed. */
const MAX_DELAY_MS = 1_000

export class PurgeFeed {
  readonly #clock: Clock
  readonly #listeners = new Set<Listener>()
  readonly #ask: () => void
  #connection: RedisListener | undefined = undefined
  /** The last purge that is known of, by its number; 0 before any is. */
  #known = 0
  /** Since when Redis has been ahead of what was told. */
  #behindSince: number | undefined = undefined

  /** `ask` finds out the number of the last purge, and tells it by {@link PurgeFeed.seen}. */
  constructor(clock: Clock, ask: () => void) {
    this.#clock = clock
    this.#ask = ask
  }

  get known(): number {
    return this.#known
  }

  listen(client: RedisClient, channel: string): void {
    const connection = client.duplicate()
    this.#connection = connection
    // The store tells of troubles with its own connection; they are the same.
    connection.on('error', () => {})
    connection.on('message', (_channel, message) => this.#read(message))
    // Each time: what is told between two connections is found out by its number, once this one listens.
    const subscribe = (): void => void connection.subscribe(channel).then(this.#ask, () => {})
    connection.on('ready', subscribe)
    // One that connects lazily waits for a command.
    subscribe()
  }

  onPurge(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The number of the last purge, as Redis has just said. */
  seen(generation: number): void {
    if (this.#known === 0) this.#known = generation
    if (generation === this.#known) this.#behindSince = undefined
    // Smaller: this Redis was emptied, and its clock is behind the one before.
    else if (generation < this.#known) this.#missed(generation)
    else {
      const now = this.#clock.now()
      this.#behindSince ??= now
      if (now - this.#behindSince > MAX_DELAY_MS) this.#missed(generation)
    }
  }

  /** After a connection was lost, what Redis says counts at once. */
  caughtUp(generation: number): void {
    if (this.#known !== 0 && generation !== this.#known) this.#missed(generation)
    else this.#known = generation
  }

  close(): void {
    this.#connection?.disconnect()
    this.#listeners.clear()
  }

  /** A purge with its number: from the channel, or of this process, which knows it from the answer. */
  told(generation: number, { kind, value, soft }: ToldPurge): void {
    if (generation <= this.#known) return
    if (this.#known !== 0 && generation !== this.#known + 1) return this.#missed(generation)
    this.#known = generation
    this.#behindSince = undefined
    this.#tell(selectorOf(kind, value), { soft })
  }

  /** Others may write to the channel, too: what can't be read counts as missed. */
  #read(message: string): void {
    const space = message.indexOf(' ')
    const generation = Number(message.slice(0, space))
    if (!Number.isSafeInteger(generation)) return
    let purge: ToldPurge
    try {
      purge = JSON.parse(message.slice(space + 1)) as ToldPurge
    } catch {
      return this.#missed(generation)
    }
    this.told(generation, purge)
  }

  #missed(generation: number): void {
    this.#known = generation
    this.#behindSince = undefined
    this.#tell(ALL, { soft: false })
  }

  #tell(selector: PurgeSelector, options: PurgeOptions): void {
    for (const listener of this.#listeners) listener(selector, options)
  }
}

/** The same in the other form. */
export function toldPurge(selector: PurgeSelector, soft: boolean, at: number): ToldPurge {
  if ('url' in selector) return { kind: 'url', value: selector.url, soft, at }
  if ('prefix' in selector) return { kind: 'prefix', value: selector.prefix, soft, at }
  return 'tags' in selector ? { kind: 'tags', value: selector.tags, soft, at } : { kind: 'all', value: '', soft, at }
}

function selectorOf(kind: ToldPurge['kind'], value: ToldPurge['value']): PurgeSelector {
  if (kind === 'url') return { url: value as string }
  if (kind === 'prefix') return { prefix: value as string }
  return kind === 'tags' ? { tags: value as readonly string[] } : ALL
}
