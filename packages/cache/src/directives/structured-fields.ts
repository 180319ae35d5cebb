/**
 * As much of structured fields (RFC 9651) as caching needs: dictionaries and lists. Strict, since a field that does not parse is
 * ignored as a whole; never throws.
 */

/** Parameters are parsed and dropped: nothing here has a meaning for them. */
export type BareItem = number | string | boolean | SfToken | SfOther
/** A token, told from a string. */
export interface SfToken {
  readonly token: string
}
/** Of a kind that has no meaning here: a decimal, a byte sequence, a date. */
export interface SfOther {
  readonly other: true
}
export type SfMember = BareItem | readonly BareItem[]

/** A dictionary; `undefined` where it is malformed. Of two members with one key the last counts. */
export function parseDictionary(text: string): Map<string, SfMember> | undefined {
  const reader = new Reader(text)
  const members = new Map<string, SfMember>()
  const whole = reader.members(() => {
    const key = reader.key()
    if (key === undefined) return false
    let value: SfMember | undefined = true
    if (reader.take('=')) value = reader.member()
    else if (!reader.parameters()) return false
    if (value === undefined) return false
    members.delete(key)
    members.set(key, value)
    return true
  })
  return whole ? members : undefined
}

/** A list; `undefined` where it is malformed. */
export function parseList(text: string): SfMember[] | undefined {
  const reader = new Reader(text)
  const list: SfMember[] = []
  const whole = reader.members(() => {
    const member = reader.member()
    if (member === undefined) return false
    list.push(member)
    return true
  })
  return whole ? list : undefined
}

const OTHER: SfOther = Object.freeze({ other: true })
const KEY = /[a-z*][a-z0-9_\-.*]*/y
const NUMBER = /-?\d+(?:\.\d+)?/y
const STRING = /"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"/y
const TOKEN = /[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*/y
const BYTES = /:[A-Za-z0-9+/=]*:/y
const BOOLEAN = /\?[01]/y
const DATE = /@-?\d{1,15}(?![\d.])/y
const DISPLAY_STRING = /%"(?:[\x20\x21\x23\x24\x26-\x7e]|%[0-9a-f]{2})*"/y

class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text.trim()
  }

  /** Comma-separated members up to the end. */
  members(read: () => boolean): boolean {
    if (this.#text === '') return true
    for (;;) {
      if (!read()) return false
      this.#blanks()
      if (this.#at === this.#text.length) return true
      if (!this.take(',')) return false
      this.#blanks()
      if (this.#at === this.#text.length) return false
    }
  }

  key(): string | undefined {
    return this.#match(KEY)
  }

  take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  member(): SfMember | undefined {
    const value = this.take('(') ? this.#innerList() : this.#bareItem()
    return value !== undefined && this.parameters() ? value : undefined
  }

  parameters(): boolean {
    while (this.take(';')) {
      while (this.take(' '));
      if (this.key() === undefined) return false
      if (this.take('=') && this.#bareItem() === undefined) return false
    }
    return true
  }

  #innerList(): BareItem[] | undefined {
    const items: BareItem[] = []
    for (;;) {
      let isApart = items.length === 0
      while (this.take(' ')) isApart = true
      if (this.take(')')) return items
      const item = isApart ? this.#bareItem() : undefined
      if (item === undefined || !this.parameters()) return undefined
      items.push(item)
    }
  }

  #bareItem(): BareItem | undefined {
    const number = this.#match(NUMBER)
    if (number !== undefined) return numberOf(number)
    const string = this.#match(STRING)
    if (string !== undefined) return string.slice(1, -1).replace(/\\(.)/g, '$1')
    const token = this.#match(TOKEN)
    if (token !== undefined) return { token }
    const boolean = this.#match(BOOLEAN)
    if (boolean !== undefined) return boolean === '?1'
    const other = this.#match(BYTES) ?? this.#match(DATE) ?? this.#match(DISPLAY_STRING)
    return other === undefined ? undefined : OTHER
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (match === null) return undefined
    this.#at = pattern.lastIndex
    return match[0]
  }

  #blanks(): void {
    while (this.#text[this.#at] === ' ' || this.#text[this.#at] === '\t') this.#at++
  }
}

function numberOf(text: string): BareItem | undefined {
  const [whole = '', fraction] = text.replace('-', '').split('.')
  if (fraction !== undefined) return whole.length <= 12 && fraction.length <= 3 ? OTHER : undefined
  return whole.length <= 15 ? Number(text) : undefined
}
