/**
 * Requests of the plugin's own. `send` one, return `PAUSE`, and `on_http_reply` is called when its reply is there:
 *
 *     export function on_request_head(): i32 {
 *       new Call('GET', 'https://users.example/who').set('authorization', request.get('authorization')!).send()
 *       return PAUSE
 *     }
 *     export function on_http_reply(call: i32, status: i32): i32 {
 *       return status == 200 ? CONTINUE : respond(401)
 *     }
 */
import { found } from './area'
import { Field, readFields } from './head'
import * as host from './host'
import { PieceReader, PieceWriter } from './pieces'
import { expectResult, MISSING } from './results'

/** A request that is sent once. */
export class Call {
  private fields: Array<Field> = []
  private body: Uint8Array = new Uint8Array(0)

  constructor(
    readonly method: string,
    readonly url: string,
    /** 0: what the manifest says. */
    readonly timeoutMs: i32 = 0,
  ) {}

  set(name: string, value: string): Call {
    this.fields.push(new Field(name, value))
    return this
  }

  setBody(bytes: Uint8Array): Call {
    this.body = bytes
    return this
  }

  setBodyText(text: string): Call {
    this.body = Uint8Array.wrap(String.UTF8.encode(text))
    return this
  }

  /** Gives its number, which `on_http_reply` is called with. */
  send(): i32 {
    const writer = new PieceWriter()
    writer.latin1(this.method)
    writer.latin1(this.url)
    writer.number(this.timeoutMs)
    writer.number(this.fields.length)
    for (let i = 0; i < this.fields.length; i++) {
      writer.latin1(this.fields[i].name)
      writer.latin1(this.fields[i].value)
    }
    writer.bytes(this.body)
    const call = expectResult(host.http_request(writer.at, writer.length), this.url)
    writer.free()
    return call
  }
}

/** The reply to a call; within `on_http_reply`, and until its hook goes on. */
export class CallReply {
  constructor(readonly call: i32) {}

  /** The fields, names in lower case. */
  fields(): Array<Field> {
    let length = host.http_reply_head(this.call, found.at, found.capacity)
    if (length > found.capacity) {
      found.room(length)
      length = host.http_reply_head(this.call, found.at, found.capacity)
    }
    if (expectResult(length, 'the head of a reply') == MISSING) return []
    return readFields(new PieceReader(found.at))
  }

  /** The value of the first field of this name, which is given in lower case. */
  get(name: string): string | null {
    const fields = this.fields()
    for (let i = 0; i < fields.length; i++) if (fields[i].name == name) return fields[i].value
    return null
  }

  /** The body, of which it takes no more than `maxBytes`. */
  body(maxBytes: i32 = 1 << 20): Uint8Array {
    let at = 0
    while (at < maxBytes) {
      if (found.capacity - at < 4096) found.grow(found.capacity * 2)
      const room = min(found.capacity - at, maxBytes - at)
      const copied = expectResult(host.http_reply_body(this.call, at, found.at + at, room), 'the body of a reply')
      if (copied <= 0) break
      at += copied
    }
    return found.bytes(at)
  }

  text(maxBytes: i32 = 1 << 20): string {
    const bytes = this.body(maxBytes)
    return String.UTF8.decodeUnsafe(bytes.dataStart, bytes.length)
  }

  /** Why there is no reply, where `on_http_reply` was called with status 0. */
  error(): string | null {
    const length = host.http_error(this.call, found.at, found.capacity)
    return expectResult(length, 'the error of a call') == MISSING ? null : found.latin1(length)
  }
}
