/**
 * Which purges other processes have done: told on a channel, with their numbers. A number that was left out, or a connection that was
 * lost, means that some were missed: then everything counts as purged, in what stands in front of this store.
 *
 * Answers to commands come on another connection, and may be older or newer than what the channel has told. Neither alone means that
 * something was missed.
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
/** A purge that Redis knows of and that has not been told for so long was missed, and the connection that should have told it is of no use. */
const MAX_DELAY_MS = 1_000
/** No more than so many can be on their way. */
const MAX_ON_THEIR_WAY = 1_000

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

  /** The number of the last purge, as Redis has just said, and what was known when it was asked. */
  seen(generation: number, knownThen: number): void {
    if (!isGeneration(generation)) return
    if (this.#known === 0) this.#known = generation
    if (generation === this.#known) this.#behindSince = undefined
    // Smaller than what it has said before: this Redis was emptied, and its clock is behind the one before.
    else if (generation < knownThen) this.#missed(generation)
    else if (generation > this.#known) this.#waitFor(generation)
  }

  /** After a connection was lost, what Redis says counts at once; `knownThen` as above. */
  caughtUp(generation: number, knownThen: number): void {
    if (!isGeneration(generation)) return
    if (this.#known === 0) this.#known = generation
    else if (generation > this.#known || generation < knownThen) this.#missed(generation)
  }

  close(): void {
    this.#connection?.disconnect()
    this.#listeners.clear()
  }

  /** A purge of this process, with its number as it was answered. Those before it, of others, may still be on their way. */
  done(generation: number, purge: ToldPurge): void {
    const isNext = this.#known === 0 || generation === this.#known + 1
    // Redis was emptied, and counts from the time on.
    if (isNext || generation > this.#known + MAX_ON_THEIR_WAY) this.#told(generation, purge)
    else if (generation > this.#known) this.#tell(selectorOf(purge)!, { soft: purge.soft })
  }

  #told(generation: number, purge: ToldPurge): void {
    const selector = selectorOf(purge)
    if (selector === undefined || (this.#known !== 0 && generation !== this.#known + 1)) return this.#missed(generation)
    this.#known = generation
    this.#behindSince = undefined
    this.#tell(selector, { soft: purge.soft })
  }

  /** Others may write to the channel, too: what can't be read counts as missed. */
  #read(message: string): void {
    const space = message.indexOf(' ')
    const generation = Number(message.slice(0, space))
    if (!isGeneration(generation) || generation <= this.#known) return
    this.#told(generation, parsed(message.slice(space + 1)))
  }

  /** It will be told; unless the connection is dead and nobody has noticed. */
  #waitFor(generation: number): void {
    const now = this.#clock.now()
    this.#behindSince ??= now
    if (now - this.#behindSince <= MAX_DELAY_MS) return
    this.#missed(generation)
    this.#connection?.disconnect(true)
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

/** `undefined` where it is none. */
function selectorOf({ kind, value }: ToldPurge): PurgeSelector | undefined {
  if (kind === 'all') return ALL
  if (kind === 'tags') return isTextList(value) ? { tags: value } : undefined
  if (typeof value !== 'string') return undefined
  if (kind === 'url') return { url: value }
  return kind === 'prefix' ? { prefix: value } : undefined
}

function isTextList(value: ToldPurge['value']): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}

/** What was told, with nothing in it where it can't be read. */
function parsed(text: string): ToldPurge {
  const nothing = {} as ToldPurge
  try {
    return (JSON.parse(text) as ToldPurge | null) ?? nothing
  } catch {
    return nothing
  }
}

/** They begin at the time in microseconds. */
function isGeneration(number: number): boolean {
  return Number.isSafeInteger(number) && number > 0
}
