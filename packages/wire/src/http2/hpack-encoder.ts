/**
 * HPACK, encoded (RFC 7541), as latin1 text: a block becomes part of the text that a turn writes, and no bytes are copied for it. A
 * field goes into the table when its value is the same a second time: what is different in each reply does not push out what is
 * not. Nothing is encoded by Huffman's code: that costs more than the bytes it saves.
 */
import type { HeaderList } from '../header-list.ts'
import { FORBIDDEN, fieldNameOf } from './field-name.ts'
import { STATIC_FIELDS, STATIC_NAMES } from './static-table.ts'

/** The most that a peer's decoder is made to hold, whatever it allows. */
const MAX_TABLE_BYTES = 4_096
const ENTRY_BYTES = 32
/** A value that is longer is not remembered: it would push out too much else. */
const MAX_VALUE_LENGTH = 512
const MAX_NAMES = 256
const SPACE = 0x20
/** Whoever compresses these beside what an attacker sends may betray them (RFC 7541, section 7.1.3). */
const SENSITIVE: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie'])
/** Beside those of a connection: the remains of an upgrade. */
const NOT_SENT: ReadonlySet<string> = new Set(['te', 'http2-settings'])

const WITHOUT_INDEXING = 0x00
const NEVER_INDEXED = 0x10
const WITH_INDEXING = 0x40
const RESIZE = 0x20
const INDEXED = 0x80

const CHARS: readonly string[] = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code))
const FIRST_DYNAMIC = STATIC_FIELDS.length + 1
const STATUS_NAME = STATIC_NAMES.get(':status')!

/** A name as its block has it; the same for all connections. */
interface NameCode {
  readonly plain: string
  readonly indexing: string
  readonly isSensitive: boolean
  readonly isSent: boolean
}

/** What a connection remembers of the last field of a name. */
interface LastField {
  readonly code: NameCode
  value: string
  /** How many entries were added up to it; 0 where it is not in the table. */
  number: number
}

const names = new Map<string, NameCode>()
const statuses: string[] = []

export class HpackEncoder {
  readonly #last = new Map<string, LastField>()
  #maxTableBytes = MAX_TABLE_BYTES
  /** Sizes of the entries, the oldest first. */
  #sizes: number[] = []
  #tableBytes = 0
  #added = 0
  #evicted = 0
  /** The smallest that the table was since the last block, where its size has to be said at the beginning of the next. */
  #smallest: number | undefined = undefined

  /** What the peer allows. */
  allow(bytes: number): void {
    const maxBytes = Math.min(bytes, MAX_TABLE_BYTES)
    if (maxBytes === this.#maxTableBytes) return
    this.#evict(maxBytes)
    this.#maxTableBytes = maxBytes
    this.#smallest = Math.min(maxBytes, this.#smallest ?? maxBytes)
  }

  /** The block of a reply. `date` is used where it has none. */
  reply(status: number, headers: HeaderList, date: string | undefined): string {
    const block = this.#begin() + (statuses[status] ??= statusCode(status)) + this.#fields(headers)
    return date === undefined ? block : block + this.#field('date', date)
  }

  /** The block of fields alone: trailers. */
  trailers(headers: HeaderList): string {
    return this.#begin() + this.#fields(headers)
  }

  /** RFC 7541, section 4.2. */
  #begin(): string {
    const smallest = this.#smallest
    if (smallest === undefined) return ''
    this.#smallest = undefined
    const last = integer(this.#maxTableBytes, RESIZE, 0x1f)
    return smallest < this.#maxTableBytes ? integer(smallest, RESIZE, 0x1f) + last : last
  }

  #fields(headers: HeaderList): string {
    const keys = headers.keys()
    const flat = headers.raw()
    let block = ''
    for (let i = 0; i < keys.length; i++) block += this.#field(keys[i]!, trimmed(flat[2 * i + 1]!))
    return block
  }

  #field(key: string, value: string): string {
    const last = this.#last.get(key)
    if (last === undefined) return this.#firstField(key, value)
    const { code } = last
    if (last.value !== value) {
      last.value = value.length > MAX_VALUE_LENGTH ? '' : value
      last.number = 0
    } else if (last.number > this.#evicted) return indexed(FIRST_DYNAMIC + this.#added - last.number)
    else if (this.#add(key, value)) {
      last.number = this.#added
      return code.indexing + stringOf(value)
    }
    return code.plain + stringOf(value)
  }

  #firstField(key: string, value: string): string {
    const code = nameCode(key)
    if (!code.isSent) return ''
    if (!code.isSensitive && this.#last.size < MAX_NAMES && value.length <= MAX_VALUE_LENGTH)
      this.#last.set(key, { code, value, number: 0 })
    return code.plain + stringOf(value)
  }

  /** Whether there is room for it. */
  #add(key: string, value: string): boolean {
    const size = key.length + value.length + ENTRY_BYTES
    if (size > this.#maxTableBytes) return false
    this.#evict(this.#maxTableBytes - size)
    this.#sizes.push(size)
    this.#tableBytes += size
    this.#added++
    return true
  }

  #evict(maxBytes: number): void {
    while (this.#tableBytes > maxBytes) {
      this.#tableBytes -= this.#sizes.shift()!
      this.#evicted++
    }
  }
}

function nameCode(key: string): NameCode {
  const found = names.get(key)
  if (found !== undefined) return found
  const isSensitive = SENSITIVE.has(key)
  const index = STATIC_NAMES.get(key)
  const codeOf = (pattern: number, mask: number): string =>
    index === undefined ? CHARS[pattern]! + stringOf(key) : integer(index, pattern, mask)
  const code: NameCode = {
    plain: codeOf(isSensitive ? NEVER_INDEXED : WITHOUT_INDEXING, 0x0f),
    indexing: codeOf(WITH_INDEXING, 0x3f),
    isSensitive,
    isSent: fieldNameOf(key).kind !== FORBIDDEN && !NOT_SENT.has(key),
  }
  if (names.size < MAX_NAMES) names.set(key, code)
  return code
}

function statusCode(status: number): string {
  const index = STATIC_FIELDS.findIndex(([name, value]) => name === ':status' && value === String(status)) + 1
  return index > 0 ? indexed(index) : integer(STATUS_NAME, WITHOUT_INDEXING, 0x0f) + stringOf(String(status))
}

function indexed(index: number): string {
  return index < 0x7f ? CHARS[INDEXED | index]! : integer(index, INDEXED, 0x7f)
}

function stringOf(text: string): string {
  return text.length < 0x7f ? CHARS[text.length]! + text : integer(text.length, 0, 0x7f) + text
}

/** With a prefix of as many bits as the mask has (RFC 7541, section 5.1). */
function integer(value: number, pattern: number, mask: number): string {
  if (value < mask) return CHARS[pattern | value]!
  let text = CHARS[pattern | mask]!
  let rest = value - mask
  for (; rest >= 128; rest = Math.floor(rest / 128)) text += CHARS[(rest & 127) | 128]!
  return text + CHARS[rest]!
}

/** "A field value MUST NOT start or end with" white space (RFC 9113, section 8.2.1), which HTTP/1.1 does not mind. */
function trimmed(value: string): string {
  const { length } = value
  if (length === 0 || (value.charCodeAt(0) > SPACE && value.charCodeAt(length - 1) > SPACE)) return value
  return value.trim()
}
