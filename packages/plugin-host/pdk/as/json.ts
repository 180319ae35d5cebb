/** JSON as a tree, for configuration: `config().get('buckets').at(0).get('name').text('default')`. */
import { found } from './area'
import * as host from './host'
import {
  JSON_ARRAY,
  JSON_ARRAY_END,
  JSON_END,
  JSON_KEY,
  JSON_LITERAL,
  JSON_NUMBER,
  JSON_OBJECT,
  JSON_OBJECT_END,
  JSON_STRING,
  JsonScanner,
  jsonText,
} from './json-scanner'
import { expectResult } from './results'

/** A value. One that is not there is a `Json` as well, so that a path can be followed without looking at each step. */
export class Json {
  /** What it is: a token of the scanner, or `JSON_END` where there is nothing. */
  kind: i32 = JSON_END
  /** Keys of an object, in order; a member's value is at the same place in `items`. */
  keys: Array<string> = []
  items: Array<Json> = []
  private source: string = ''

  /**
   * Reads JSON. What is none faults: within `on_init` that refuses the plugin.
   */
  static parse(text: string): Json {
    const bytes = String.UTF8.encode(text)
    return Json.parseAt(changetype<usize>(bytes), bytes.byteLength)
  }

  static parseAt(at: usize, length: i32): Json {
    const scanner = new JsonScanner(at, length)
    const value = read(scanner, scanner.next())
    if (scanner.next() != JSON_END) throw new Error('this is no JSON')
    return value
  }

  /** Used by the reader. */
  static of(kind: i32, source: string): Json {
    const json = new Json()
    json.kind = kind
    json.source = source
    return json
  }

  get exists(): bool {
    return this.kind != JSON_END && !(this.kind == JSON_LITERAL && this.source == 'null')
  }

  get length(): i32 {
    return this.items.length
  }

  /** A member of an object. */
  get(key: string): Json {
    const index = this.keys.indexOf(key)
    return index < 0 ? NONE : this.items[index]
  }

  /** An item of an array, or the value of a member by its place. */
  at(index: i32): Json {
    return index < this.items.length ? this.items[index] : NONE
  }

  text(otherwise: string = ''): string {
    return this.kind == JSON_STRING ? this.source : otherwise
  }

  number(otherwise: f64 = 0): f64 {
    return this.kind == JSON_NUMBER ? F64.parseFloat(this.source) : otherwise
  }

  integer(otherwise: i32 = 0): i32 {
    return this.kind == JSON_NUMBER ? <i32>F64.parseFloat(this.source) : otherwise
  }

  flag(otherwise: bool = false): bool {
    return this.kind == JSON_LITERAL ? this.source == 'true' : otherwise
  }

  /** The texts of an array of them. */
  texts(): Array<string> {
    const texts = new Array<string>()
    for (let i = 0; i < this.items.length; i++) texts.push(this.items[i].text())
    return texts
  }
}

const NONE: Json = new Json()

/** The manifest's `config`. Read it in `on_init` and keep what comes of it: this parses anew each time. */
export function config(): Json {
  let length = host.get_config(found.at, found.capacity)
  if (length > found.capacity) {
    found.room(length)
    length = host.get_config(found.at, found.capacity)
  }
  return Json.parseAt(found.at, expectResult(length, 'the configuration'))
}

function read(scanner: JsonScanner, token: i32): Json {
  const at = scanner.at + scanner.start
  const length = scanner.end - scanner.start
  if (token == JSON_STRING) return Json.of(token, jsonText(at, length, scanner.hasEscapes))
  if (token == JSON_NUMBER || token == JSON_LITERAL) return Json.of(token, jsonText(at, length, false))
  if (token != JSON_OBJECT && token != JSON_ARRAY) throw new Error('this is no JSON')
  const json = Json.of(token, '')
  for (let next = scanner.next(); next != JSON_OBJECT_END && next != JSON_ARRAY_END; next = scanner.next()) {
    if (next == JSON_KEY) {
      json.keys.push(jsonText(scanner.at + scanner.start, scanner.end - scanner.start, scanner.hasEscapes))
      next = scanner.next()
    }
    json.items.push(read(scanner, next))
  }
  return json
}
