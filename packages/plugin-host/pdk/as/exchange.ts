/** What a plugin answers, keeps for an exchange, and hands to those further inside. */
import { found, values } from './area'
import { Field } from './head'
import * as host from './host'
import { PieceWriter } from './pieces'
import { expectResult, MISSING, RESPOND } from './results'

/** Answers in the place of the upstream: `return respond(403, 'no\n')`. The body is sent as UTF-8. */
export function respond(status: i32, body: string = '', fields: Array<Field> = []): i32 {
  return respondWithBytes(status, Uint8Array.wrap(String.UTF8.encode(body)), fields)
}

/** The same with any bytes. */
export function respondWithBytes(status: i32, body: Uint8Array, fields: Array<Field> = []): i32 {
  const writer = new PieceWriter()
  writer.number(fields.length)
  for (let i = 0; i < fields.length; i++) {
    writer.latin1(fields[i].name)
    writer.latin1(fields[i].value)
  }
  expectResult(host.respond(status, writer.at, writer.length, body.dataStart, body.length), 'a reply')
  writer.free()
  return RESPOND
}

/** What `setState` kept for this exchange and this plugin in an earlier hook. */
export function state(): string | null {
  let length = host.get_state(found.at, found.capacity)
  if (length > found.capacity) {
    found.room(length)
    length = host.get_state(found.at, found.capacity)
  }
  return expectResult(length, 'the state') == MISSING ? null : found.utf8(length)
}

/** Keeps text for the later hooks of this exchange, which may run on another instance of the plugin. */
export function setState(text: string): void {
  const length = values.putUtf8(text)
  expectResult(host.set_state(values.at, length), 'the state')
}

/** Hands JSON to the middlewares further inside. */
export function setResult(json: string): void {
  const length = values.putUtf8(json)
  expectResult(host.set_result(values.at, length), 'the result')
}
