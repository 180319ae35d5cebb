/**
 * A list of addresses and CIDR ranges that may be replaced while it is asked: compiled aside into a trie (core's `AddressSet`),
 * and taken into use by one assignment. Whatever is wrong with a new one leaves the old in use.
 *
 *     const blocked = cidrList({ file: '/etc/sluice/blocked.txt' })
 *     proxy.use(denyAddresses(blocked))
 */
import { AddressSet, ConfigError } from '@sluice/core'
import { durationOption, flagOption, strictOption, textOption } from '@sluice/core/options'
import { type Clock, type ScheduledCall, systemClock } from '@sluice/wire'
import { type CidrEntries, type CidrSource, fileSource, isList, listed, loadedSource } from './cidr-source.ts'
import { cidrListFailed, cidrListReplaced } from './events.ts'

/** Options of {@link cidrList}: one of `ranges`, `file` and `load`. */
export interface CidrListOptions {
  /** For events and snapshots. @default the file, or `list` */
  readonly name?: string
  /** Addresses (`192.0.2.1`) and ranges (`192.0.2.0/24`, `2001:db8::/32`). */
  readonly ranges?: readonly string[]
  /**
   * A file with one of these a line; what follows `#` or `;` is a comment. It is read when the list is built, and looked at every
   * {@link reloadIntervalMs}. Another content counts once two looks have found the same: it may be seen half-written.
   */
  readonly file?: string
  /**
   * Gives the entries. Called when the list is built, and every {@link reloadIntervalMs}. Where it takes a while, the list is not
   * {@link CidrList.isReady ready} until then, and rules with it refuse.
   */
  readonly load?: () => readonly string[] | Promise<readonly string[]>
  /** How often a file is looked at or a function called; `0` for never. @default 5_000 */
  readonly reloadIntervalMs?: number
  /** Whether there may be nothing in it. @default false; true in a rule that denies */
  readonly allowEmpty?: boolean
  /** When to look. @default systemClock */
  readonly clock?: Clock
}

/** A list's state as plain data. */
export interface CidrListSnapshot {
  readonly name: string
  readonly isReady: boolean
  readonly entries: number
  /** The memory of its tables, in bytes. */
  readonly bytes: number
  /** How often it was replaced. */
  readonly replacements: number
  /** What is wrong with the newest one, so that an older is in use; missing where nothing is. */
  readonly failure: string | undefined
}

const NAMES = ['name', 'ranges', 'file', 'load', 'reloadIntervalMs', 'allowEmpty', 'clock']
/** Two looks at a file that has changed are so far apart. */
const SETTLE_MS = 100
/** When to call a function again that has never given a list. */
const RETRY_MS = 1_000

/** Made by {@link cidrList}. */
export class CidrList {
  readonly name: string
  readonly #at: string
  readonly #rangesAt: string
  readonly #clock: Clock
  readonly #source: CidrSource | undefined
  readonly #reloadIntervalMs: number
  readonly #allowEmpty: boolean
  #set: AddressSet | undefined = undefined
  /** Readings that were begun, and the newest whose outcome is known: a slow one may end behind one that began after it. */
  #begun = 0
  #newest = 0
  /** The digests of what was read last, and of what may be half of it. */
  #read = ''
  #unsettled = ''
  #nextLook: ScheduledCall | undefined = undefined
  #ready: PromiseWithResolvers<void> | undefined = undefined
  #isClosed = false
  #replacements = 0
  #failure: string | undefined = undefined

  /** @throws {ConfigError} `ERR_SLUICE_CONFIG` at `at`, at one of the ranges, or at a line of the file */
  constructor(options: CidrListOptions, at: string, rangesAt: string = `${at}.ranges`) {
    const { ranges, file, load, clock = systemClock } = strictOption(options, NAMES, at)
    if ([ranges, file, load].filter((each) => each !== undefined).length !== 1)
      throw new ConfigError(at, 'needs one of "ranges", "file" and "load"')
    this.#at = at
    this.#rangesAt = rangesAt
    this.#clock = clock
    this.#reloadIntervalMs = durationOption(options.reloadIntervalMs, 5_000, `${at}.reloadIntervalMs`)
    this.#allowEmpty = flagOption(options.allowEmpty, false, `${at}.allowEmpty`)
    this.name = textOption(options.name ?? file ?? 'list', `${at}.name`)
    if (ranges !== undefined) this.#use(listed(ranges, rangesAt))
    else {
      this.#source = file === undefined ? sourceOf(load!, at) : fileSource(textOption(file, `${at}.file`), `${at}.file`)
      const { first } = this.#source
      if (first !== undefined) this.#use(first)
      this.#read = first?.digest ?? ''
      this.#lookIn(first === undefined ? 0 : this.#reloadIntervalMs)
    }
  }

  /** Whether there is a list to ask: not before the first answer of a function that takes a while. */
  get isReady(): boolean {
    return this.#set !== undefined
  }

  /** Resolves once there is one, or never will be since it is closed: see {@link isReady}. */
  async ready(): Promise<void> {
    if (this.#set === undefined && !this.#isClosed) await (this.#ready ??= Promise.withResolvers<void>()).promise
  }

  /** Whether an address is in it: never, while it is not ready. */
  has(address: string): boolean {
    return this.#set !== undefined && this.#set.has(address)
  }

  /**
   * Uses these entries from the next look-up on, until a file or a function has others than it had.
   * @throws {ConfigError} `ERR_SLUICE_CONFIG`; the list then stays as it is
   */
  replace(ranges: readonly string[]): void {
    this.#replaceBy(() => listed(ranges, this.#rangesAt))
  }

  /**
   * Reads the file or calls the function now.
   * @throws {ConfigError} `ERR_SLUICE_CONFIG` where that can't be, or something is wrong with it; the list then stays as it is
   */
  async reload(): Promise<void> {
    if (this.#source === undefined) return
    try {
      const entries = await this.#reading(this.#source)
      if (entries === undefined) return
      this.#replaceBy(() => entries)
      this.#read = entries.digest
    } catch (error) {
      this.#failed(error as Error)
      throw error
    }
  }

  /** Looks at its file or function no more. */
  close(): void {
    this.#isClosed = true
    this.#nextLook?.cancel()
    this.#ready?.resolve()
  }

  snapshot(): CidrListSnapshot {
    const { size: entries, bytes } = this.#set ?? { size: 0, bytes: 0 }
    const [replacements, failure] = [this.#replacements, this.#failure]
    return { name: this.name, isReady: this.isReady, entries, bytes, replacements, failure }
  }

  /** @throws {ConfigError} before anything has changed */
  #use({ entries, placeOf }: CidrEntries): void {
    if (entries.length === 0 && !this.#allowEmpty)
      throw new ConfigError(this.#at, 'has no address in it: set "allowEmpty" where that is meant')
    this.#set = new AddressSet(entries, placeOf)
    this.#ready?.resolve()
    this.#failure = undefined
  }

  #replaceBy(read: () => CidrEntries): void {
    try {
      this.#use(read())
    } catch (error) {
      this.#failed(error as Error)
      throw error
    }
    this.#replacements++
    if (cidrListReplaced.hasSubscribers) cidrListReplaced.publish({ list: this.name, entries: this.#set!.size })
  }

  #lookIn(delayMs: number): void {
    this.#nextLook?.cancel()
    if (this.#isClosed || (this.isReady && this.#reloadIntervalMs === 0)) return
    this.#nextLook = this.#clock.schedule(delayMs, () => void this.#look())
  }

  async #look(): Promise<void> {
    try {
      const read = await this.#reading(this.#source!)
      if (this.#isClosed) return
      if (read === undefined) return this.#lookIn(this.#reloadIntervalMs)
      if (read.digest === this.#read) {
        this.#unsettled = ''
        // It is as before the mistake.
        this.#failure = undefined
      } else if (this.#source!.isTorn && read.digest !== this.#unsettled) {
        this.#unsettled = read.digest
        return this.#lookIn(Math.min(SETTLE_MS, this.#reloadIntervalMs))
      } else {
        this.#unsettled = ''
        this.#replaceBy(() => read)
        this.#read = read.digest
      }
    } catch (error) {
      // A mistake in what was read has been told of already.
      this.#failed(error as Error)
    }
    this.#lookIn(this.isReady ? this.#reloadIntervalMs : RETRY_MS)
  }

  /** What it has to say; nothing where a reading that began later has ended already. */
  async #reading(source: CidrSource): Promise<CidrEntries | undefined> {
    const number = ++this.#begun
    const entries = await source.read()
    if (number < this.#newest) return undefined
    this.#newest = number
    return entries
  }

  #failed(error: Error): void {
    if (this.#failure === error.message) return
    this.#failure = error.message
    if (cidrListFailed.hasSubscribers) cidrListFailed.publish({ list: this.name, error })
  }
}

/**
 * Makes a list that several rules may share.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`: an entry that is none, with its place or its line; a file that can't be read; nothing in
 *   it
 */
export function cidrList(options: CidrListOptions | readonly string[]): CidrList {
  return isList(options) ? new CidrList({ ranges: options }, 'cidrList', 'cidrList') : new CidrList(options, 'cidrList')
}

function sourceOf(load: NonNullable<CidrListOptions['load']>, at: string): CidrSource {
  if (typeof load !== 'function') throw new ConfigError(`${at}.load`, 'must be a function')
  return loadedSource(load, `${at}.load()`)
}
