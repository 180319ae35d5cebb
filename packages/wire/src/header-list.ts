/**
 * The header fields of one message: ordered, with duplicates and the spelling they came with. Two flat arrays hold them,
 * which is what a parser delivers and a serializer wants; a 31-bit mask says which of the names that a proxy asks for are
 * there, so that asking for one that is not, the usual case, costs one AND.
 */
import { WireError } from './errors.ts'
import { exchangeLine, lineOf } from './field-line.ts'
import { isShared, type KnownName, knownName, newName, seenName, UNKNOWN_NAMES } from './header-names.ts'
import { anyName, assertValue, checkedName } from './header-syntax.ts'

/** What a header list can be made of. */
export type HeaderListInit =
  | HeaderList
  | Iterable<readonly [name: string, value: string]>
  | Readonly<Record<string, string | number | readonly string[] | undefined>>

/** The arrays of every list that is new: of the kind that arrays of strings have, which an array keeps that had one. */
const NO_STRINGS: string[] = ['']
NO_STRINGS.pop()
/** Longer lists are written anew where a field was removed. */
const MAX_CUT_LINES = 32

/** An ordered, mutable list of header fields. Names compare without regard to case; values are latin1 strings. */
export class HeaderList implements Iterable<[name: string, value: string]> {
  #keys: string[] = NO_STRINGS
  #flat: string[] = NO_STRINGS
  #mask = 0
  /** The first fields as lines, where they came as such and are as they came: they leave as one piece. */
  #lines = ''
  /** How many these are. */
  #lined = 0
  /** The arrays belong to another list as well: they are copied before the first write. A copy or a parsed list takes none in vain. */
  #shared = true
  #frozen = false

  /** @throws {WireError} `ERR_SLUICE_HEADER_INVALID` when a name is no token or a value has a forbidden character */
  constructor(init?: HeaderListInit) {
    // Short, so that it becomes a part of whoever makes an empty list: a parser, `copy()`.
    if (init !== undefined) this.#fill(init)
  }

  #fill(init: HeaderListInit): void {
    if (init instanceof HeaderList) this.#share(init)
    else if (Symbol.iterator in init) for (const [name, value] of init) this.append(name, value)
    else {
      for (const [name, value] of Object.entries(init)) {
        if (Array.isArray(value)) for (const each of value) this.append(name, each)
        else if (value !== undefined) this.append(name, String(value))
      }
    }
  }

  /**
   * Takes over what a strict parser delivered: `[name, value, name, value, ...]`, as received. Not checked again, and not
   * copied: the array belongs to the list from now on.
   */
  static received(flat: string[]): HeaderList {
    const keys: string[] = []
    let mask = 0
    for (let i = 0; i < flat.length; i += 2) {
      const { key, bit } = seenName(flat[i]!) ?? newName(flat[i]!)
      keys.push(key)
      mask |= bit
    }
    return HeaderList.parsed(flat, keys, mask)
  }

  /**
   * The same with what the parser has found out on its way: the lower-case names, the bits of all of them, and the text of all
   * lines, or nothing where these are not just as {@link lines} would write them.
   */
  static parsed(flat: string[], keys: string[], mask: number, lines: string = ''): HeaderList {
    const list = new HeaderList()
    list.#lines = lines
    list.#lined = lines === '' ? 0 : keys.length
    list.#flat = flat
    list.#keys = keys
    list.#mask = mask
    list.#shared = false
    return list
  }

  /** How many fields there are, duplicates included. */
  get size(): number {
    return this.#keys.length
  }

  /**
   * The value under `name`; where there are several, all of them, joined with `", "` (RFC 9110, section 5.3), or `"; "`
   * for `Cookie`. `undefined` where there is none. `Set-Cookie` can't be joined without loss: see {@link getAll}.
   */
  get(name: string): string | undefined {
    return this.getKnown(anyName(name))
  }

  /** {@link get} without a look-up of the name, for fields that are asked of every message. `entry` comes from {@link fieldName}. */
  getKnown(entry: KnownName): string | undefined {
    const first = this.#indexOf(entry)
    if (first < 0) return undefined
    const { key } = entry
    const keys = this.#keys
    let value = this.#flat[2 * first + 1]!
    for (let i = keys.indexOf(key, first + 1); i >= 0; i = keys.indexOf(key, i + 1)) {
      value += (key === 'cookie' ? '; ' : ', ') + this.#flat[2 * i + 1]!
    }
    return value
  }

  /** Every value under `name`, in order. */
  getAll(name: string): string[] {
    const values: string[] = []
    const entry = anyName(name)
    for (let i = this.#indexOf(entry); i >= 0; i = this.#keys.indexOf(entry.key, i + 1))
      values.push(this.#flat[2 * i + 1]!)
    return values
  }

  /** Whether there is a field of this name. */
  has(name: string): boolean {
    return this.#indexOf(anyName(name)) >= 0
  }

  /** Whether any name of a mask is there, in constant time; see {@link maskOf}. */
  hasAny(mask: number): boolean {
    return (this.#mask & mask) !== 0
  }

  /**
   * Makes `value` the only one under `name`, in the place of the first, or at the end.
   * @throws {WireError} `ERR_SLUICE_HEADER_INVALID`, `ERR_SLUICE_HEADER_FROZEN`
   */
  set(name: string, value: string): this {
    const entry = checkedName(name)
    assertValue(name, value)
    this.#own()
    const { key } = entry
    const first = this.#indexOf(entry)
    if (first < 0) return this.#push(entry, name, value)
    if (first < this.#lined) this.#lines = exchangeLine(this.#lines, this.#flat, first, first, lineOf(name, value))
    this.#flat[2 * first] = name
    this.#flat[2 * first + 1] = value
    if (this.#keys.includes(key, first + 1)) this.#removeFrom(first + 1, (each) => each === key)
    return this
  }

  /**
   * Adds a field at the end, beside others of the same name.
   * @throws {WireError} `ERR_SLUICE_HEADER_INVALID`, `ERR_SLUICE_HEADER_FROZEN`
   */
  append(name: string, value: string): this {
    const entry = checkedName(name)
    assertValue(name, value)
    this.#own()
    return this.#push(entry, name, value)
  }

  /**
   * Adds a field that is known to be well-formed, such as one made of an address: without a check and a look-up, for
   * fields that every request gets. `field` comes from {@link fieldName}.
   * @throws {WireError} `ERR_SLUICE_HEADER_FROZEN`
   */
  appendUnchecked(field: KnownName, value: string): this {
    this.#own()
    this.#keys.push(field.key)
    this.#mask |= field.bit
    this.#flat.push(field.spelling, value)
    return this
  }

  /**
   * Removes every field of this name; says whether there was one.
   * @throws {WireError} `ERR_SLUICE_HEADER_FROZEN`
   */
  delete(name: string): boolean {
    const entry = anyName(name)
    const first = this.#indexOf(entry)
    if (first < 0) return false
    this.#own()
    const { key, bit } = entry
    this.#removeFrom(first, (each) => each === key)
    // Most names share their bit with no other, or have none.
    if (isShared(bit)) this.#recountBits()
    else this.#mask &= ~bit
    return true
  }

  /**
   * Removes the fields whose lower-case name satisfies the predicate; says whether there was any.
   * @throws {WireError} `ERR_SLUICE_HEADER_FROZEN`
   */
  deleteWhere(predicate: (key: string) => boolean): boolean {
    const first = this.#keys.findIndex(predicate)
    if (first < 0) return false
    this.#own()
    this.#removeFrom(first, predicate)
    this.#recountBits()
    return true
  }

  /** A list of its own with the same fields. The arrays are shared until one of the two is written to. */
  copy(): HeaderList {
    const list = new HeaderList()
    list.#share(this)
    return list
  }

  /** Makes every later write throw. Returns the list. */
  freeze(): this {
    this.#frozen = true
    return this
  }

  /** `[name, value, name, value, ...]` in order, as given. A view of the list itself: not to be written to or kept. */
  raw(): readonly string[] {
    return this.#flat
  }

  /** The fields as HTTP/1.1 writes them, each with its CRLF. */
  lines(): string {
    const flat = this.#flat
    let lines = this.#lines
    for (let i = 2 * this.#lined; i < flat.length; i += 2) lines += lineOf(flat[i]!, flat[i + 1]!)
    return lines
  }

  /** The names in order, in lower case. A view of the list itself: not to be written to or kept. */
  keys(): readonly string[] {
    return this.#keys
  }

  /** `[name, value]` in order, in the original spelling. */
  *[Symbol.iterator](): Generator<[name: string, value: string]> {
    for (let i = 0; i < this.#flat.length; i += 2) yield [this.#flat[i]!, this.#flat[i + 1]!]
  }

  /** By lower-case name, for logs and assertions; a name with several values gives an array. */
  toJSON(): Record<string, string | string[]> {
    const record: Record<string, string | string[]> = Object.create(null)
    for (const key of new Set(this.#keys)) {
      const values = this.getAll(key)
      record[key] = values.length === 1 ? values[0]! : values
    }
    return record
  }

  /** Where the first one stands; below 0 where there is none, which the mask mostly knows. */
  #indexOf({ key, bit }: KnownName): number {
    return bit !== 0 && (this.#mask & bit) === 0 ? -1 : this.#keys.indexOf(key)
  }

  #push(entry: KnownName, name: string, value: string): this {
    this.#keys.push(entry.key)
    this.#mask |= entry.bit
    this.#flat.push(name, value)
    return this
  }

  #removeFrom(start: number, predicate: (key: string) => boolean): void {
    const keys = this.#keys
    const flat = this.#flat
    const lined = this.#lined
    let kept = start
    for (let i = start; i < keys.length; i++) {
      if (predicate(keys[i]!)) {
        if (i < lined && this.#lined > 0) this.#cutLine(kept, i)
        continue
      }
      keys[kept] = keys[i]!
      flat[2 * kept] = flat[2 * i]!
      flat[2 * kept + 1] = flat[2 * i + 1]!
      kept++
    }
    // Setting `length` is a call into the engine; a pop is not, and there is seldom more than one to make.
    for (let surplus = keys.length - kept; surplus > 0; surplus--) {
      keys.pop()
      flat.pop()
      flat.pop()
    }
  }

  /** Of a pair that is removed; those before it are the first `before` pairs. Of many, each cut would copy what is left. */
  #cutLine(before: number, index: number): void {
    const isCut = this.#lined <= MAX_CUT_LINES
    this.#lines = isCut ? exchangeLine(this.#lines, this.#flat, before, index, '') : ''
    this.#lined = isCut ? this.#lined - 1 : 0
  }

  #recountBits(): void {
    this.#mask = 0
    for (const key of this.#keys) this.#mask |= knownName(key)?.bit ?? UNKNOWN_NAMES
  }

  #share(other: HeaderList): void {
    this.#keys = other.#keys
    this.#flat = other.#flat
    this.#mask = other.#mask
    this.#lines = other.#lines
    this.#lined = other.#lined
    this.#shared = true
    // A frozen list never writes, so it need not know that its arrays have a second reader.
    if (!other.#frozen) other.#shared = true
  }

  #own(): void {
    if (this.#frozen)
      throw new WireError('ERR_SLUICE_HEADER_FROZEN', 'these header fields are as received and can not be changed')
    if (!this.#shared) return
    this.#keys = this.#keys.slice()
    this.#flat = this.#flat.slice()
    this.#shared = false
  }
}
