/** What a classic plugin gives: JSON, read with as little trust as any other output. `null` is as good as missing everywhere. */
import { outputFault } from '../fault.ts'

/** The changes. */
export interface Delta {
  readonly method: string | undefined
  readonly uri: string | undefined
  readonly status: number | undefined
  /** Names and all the values of each. */
  readonly added: readonly (readonly [name: string, values: readonly string[]])[]
  readonly removed: readonly string[]
  readonly body: Uint8Array | undefined
}

const NOTHING: Delta = {
  method: undefined,
  uri: undefined,
  status: undefined,
  added: [],
  removed: [],
  body: undefined,
}

/** @throws {PluginError} `ERR_SLUICE_PLUGIN_OUTPUT` */
export function readDelta(output: unknown): Delta {
  if (typeof output !== 'string' || output === '' || output === '{}') return NOTHING
  const { method, uri, status, headers_to_add, headers_to_remove, body, body_base64 } = objectOf(parse(output))
  return {
    method: optional(method, 'method', isText),
    uri: optional(uri, 'uri', isText),
    status: optional(status, 'status', isNumber),
    added: added(headers_to_add ?? {}),
    removed: optional(headers_to_remove, 'headers_to_remove', isTexts) ?? [],
    body: bodyOf(body ?? undefined, optional(body_base64, 'body_base64', isText)),
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw outputFault('its output is not JSON', cause)
  }
}

function objectOf(value: unknown, what = 'its output'): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw outputFault(`${what} is no object`)
  return value as Readonly<Record<string, unknown>>
}

function optional<T>(value: unknown, name: string, is: (value: unknown) => value is T): T | undefined {
  if (value === undefined || value === null) return undefined
  if (!is(value)) throw outputFault(`"${name}" of its output is of another type`)
  return value
}

/** `{ name: [values] }` or `{ name: value }`; or all of that in an object within, called `headers`, as simple-proxy's own types write it. */
function added(value: unknown): Delta['added'] {
  const outer = objectOf(value, '"headers_to_add"')
  const inner = outer['headers']
  const isNested = typeof inner === 'object' && inner !== null && !Array.isArray(inner)
  return Object.entries(isNested ? objectOf(inner) : outer).map(([name, values]) => {
    if (isText(values)) return [name, [values]]
    if (!isTexts(values)) throw outputFault(`the values of "${name}" in "headers_to_add" are no list of texts`)
    return [name, values]
  })
}

/** Text, or a list of bytes, which is how Rust writes `Vec<u8>`. */
function bodyOf(body: unknown, base64: string | undefined): Uint8Array | undefined {
  if (body === undefined) return base64 === undefined ? undefined : Buffer.from(base64, 'base64')
  if (isText(body)) return Buffer.from(body)
  if (Array.isArray(body) && body.every((byte) => Number.isInteger(byte) && byte >= 0 && byte < 256))
    return Uint8Array.from(body as number[])
  throw outputFault('"body" of its output is neither text nor a list of bytes')
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText)
}
