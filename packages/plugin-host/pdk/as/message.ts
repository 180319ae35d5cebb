/** The request and the reply of the exchange at hand: fields, bodies, and what else can be said of them. */
import { found, names, values } from './area'
import { Head, readHead } from './head'
import * as host from './host'
import { PieceReader } from './pieces'
import { propertyOr, setProperty } from './properties'
import { expectResult, MISSING } from './results'

/** A message. Fields that the manifest does not grant fault when they are asked for; see `expectResult`. */
export class Message {
  constructor(
    /** 0 of the request, 1 of the reply. */
    readonly kind: i32,
  ) {}

  /** The value of a field; several are joined with a comma. */
  get(name: string): string | null {
    const nameLength = names.putLatin1(name)
    let length = host.get_header(this.kind, names.at, nameLength, found.at, found.capacity)
    if (length > found.capacity) {
      found.room(length)
      length = host.get_header(this.kind, names.at, nameLength, found.at, found.capacity)
    }
    return expectResult(length, name) == MISSING ? null : found.latin1(length)
  }

  /** Whether there is a field of this name. Copies nothing. */
  has(name: string): bool {
    const length = names.putLatin1(name)
    return expectResult(host.get_header(this.kind, names.at, length, 0, 0), name) != MISSING
  }

  /** Every value of a field: for `Set-Cookie`, whose values can not be joined. */
  getAll(name: string): Array<string> {
    const nameLength = names.putLatin1(name)
    let length = host.get_headers(this.kind, names.at, nameLength, found.at, found.capacity)
    if (length > found.capacity) {
      found.room(length)
      length = host.get_headers(this.kind, names.at, nameLength, found.at, found.capacity)
    }
    const all = new Array<string>()
    if (expectResult(length, name) <= 0) return all
    const reader = new PieceReader(found.at)
    for (let left = reader.number(); left > 0; left--) all.push(reader.latin1())
    return all
  }

  /** Makes it the only field of this name. */
  set(name: string, value: string): void {
    const nameLength = names.putLatin1(name)
    const valueLength = values.putLatin1(value)
    expectResult(host.set_header(this.kind, names.at, nameLength, values.at, valueLength), name)
  }

  /** Adds a field beside those that are there. */
  add(name: string, value: string): void {
    const nameLength = names.putLatin1(name)
    const valueLength = values.putLatin1(value)
    expectResult(host.add_header(this.kind, names.at, nameLength, values.at, valueLength), name)
  }

  /** Gives whether there was one. */
  remove(name: string): bool {
    const length = names.putLatin1(name)
    return expectResult(host.remove_header(this.kind, names.at, length), name) != MISSING
  }

  /** All that may be read of the head. */
  head(): Head {
    let length = host.get_head(this.kind, found.at, found.capacity)
    if (length > found.capacity) {
      found.room(length)
      length = host.get_head(this.kind, found.at, found.capacity)
    }
    if (expectResult(length, 'the head') == MISSING) return new Head()
    return readHead(this.kind, found.at)
  }

  /** The body that a body hook is about, or its chunk at hand; `length` is what the hook was called with. */
  body(length: i32): Uint8Array {
    const bytes = new Uint8Array(length)
    expectResult(host.get_body(this.kind, 0, bytes.dataStart, length), 'the body')
    return bytes
  }

  /** In the place of the body, or of the chunk at hand. */
  setBody(bytes: Uint8Array): void {
    expectResult(host.set_body(this.kind, bytes.dataStart, bytes.length), 'the body')
  }

  /** The same, of text as UTF-8. */
  setBodyText(text: string): void {
    const length = values.putUtf8(text)
    expectResult(host.set_body(this.kind, values.at, length), 'the body')
  }
}

/** The request. */
export class Request extends Message {
  constructor() {
    super(0)
  }

  get method(): string {
    return propertyOr('method', '')
  }
  set method(value: string) {
    setProperty('method', value)
  }
  /** Path and query as they are forwarded. */
  get target(): string {
    return propertyOr('target', '')
  }
  set target(value: string) {
    setProperty('target', value)
  }
  /** As routes see it. Setting it sets the path that is forwarded. */
  get path(): string {
    return propertyOr('path', '')
  }
  set path(value: string) {
    setProperty('path', value)
  }
  /** Without `?`. */
  get query(): string {
    return propertyOr('query', '')
  }
  set query(value: string) {
    setProperty('query', value)
  }

  /** The value of a cookie, as it came. */
  cookie(name: string): string | null {
    const all = this.get('cookie')
    if (all === null) return null
    for (let at = 0; at < all.length;) {
      let end = all.indexOf(';', at)
      if (end < 0) end = all.length
      while (at < end && all.charCodeAt(at) == 0x20) at++
      const equals = at + name.length
      if (equals < end && all.charCodeAt(equals) == 0x3d && all.startsWith(name, at))
        return all.substring(equals + 1, end)
      at = end + 1
    }
    return null
  }
}

/** The reply. It is there in response hooks. */
export class Reply extends Message {
  constructor() {
    super(1)
  }

  get status(): i32 {
    return I32.parseInt(propertyOr('status', '0'))
  }
  set status(value: i32) {
    setProperty('status', value.toString())
  }
}

/** The request of the exchange at hand. */
export const request: Request = new Request()
/** The reply of the exchange at hand. */
export const reply: Reply = new Reply()
