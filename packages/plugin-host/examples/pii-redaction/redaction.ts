/** Walks through a JSON text once and writes what may be seen of it. */
import {
  JSON_ARRAY,
  JSON_END,
  JSON_ERROR,
  JSON_KEY,
  JSON_OBJECT,
  JSON_STRING,
  JsonScanner,
  jsonText,
} from '@sluice/plugin-host/pdk/as'
import { Output } from './output'
import { PersonalData } from './personal-data'

export class Redaction {
  readonly output: Output
  private at: usize
  private scanner: JsonScanner
  private personal: PersonalData = new PersonalData()
  /** Up to where the body was dealt with. */
  private done: i32 = 0
  private count: i32 = 0

  constructor(
    private body: Uint8Array,
    private keys: Array<string>,
    private mask: string,
  ) {
    this.output = new Output(body.length + 256)
    this.at = body.dataStart
    this.scanner = new JsonScanner(body.dataStart, body.length)
  }

  /** Gives how many places were redacted, or -1 where the body is no JSON. */
  run(): i32 {
    const scanner = this.scanner
    for (let token = scanner.next(); token != JSON_END; token = scanner.next()) {
      if (token == JSON_ERROR) return -1
      if (token == JSON_STRING) this.redactText()
      else if (token == JSON_KEY && this.isPersonalKey() && !this.redactValue()) return -1
    }
    this.output.copy(this.at + this.done, this.body.length - this.done)
    return this.count
  }

  private isPersonalKey(): bool {
    const scanner = this.scanner
    const key = jsonText(this.at + scanner.start, scanner.end - scanner.start, scanner.hasEscapes)
    return this.keys.includes(key.toLowerCase())
  }

  /** The value that comes next, whatever it is. */
  private redactValue(): bool {
    const scanner = this.scanner
    const token = scanner.next()
    const start = scanner.start
    if (token == JSON_STRING) {
      this.replace(start, scanner.end, this.mask)
      return true
    }
    if (token == JSON_OBJECT || token == JSON_ARRAY) {
      for (const depth = scanner.depth; scanner.depth >= depth;) {
        const inner = scanner.next()
        if (inner == JSON_ERROR || inner == JSON_END) return false
      }
    }
    if (token == JSON_ERROR) return false
    this.replace(start, scanner.end, '"' + this.mask + '"')
    return true
  }

  private redactText(): void {
    const start = this.scanner.start
    const end = this.scanner.end
    if (this.scanner.hasEscapes && this.hidesPersonalData()) {
      this.replace(start, end, this.mask)
      return
    }
    const personal = this.personal
    for (let from = start; personal.find(this.at, from, end); from = personal.end) {
      this.replace(personal.start, personal.end, this.mask)
    }
  }

  /** With escapes, `@` may be written in ways that the search does not know. Such a text is masked as a whole. */
  private hidesPersonalData(): bool {
    const start = this.scanner.start
    const end = this.scanner.end
    const plain = Uint8Array.wrap(String.UTF8.encode(jsonText(this.at + start, end - start, true)))
    return this.personal.find(plain.dataStart, 0, plain.length)
  }

  private replace(start: i32, end: i32, mask: string): void {
    this.output.copy(this.at + this.done, start - this.done)
    this.output.text(mask)
    this.done = end
    this.count++
  }
}
