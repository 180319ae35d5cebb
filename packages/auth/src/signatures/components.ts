/** The values of what a signature covers: fields (RFC 9421, section 2.1) and what is derived from the request (section 2.2). */
import {
  type InnerList,
  type Item,
  type Parameters,
  parseDictionary,
  parseItem,
  parseList,
  serializeDictionary,
  serializeInnerList,
  serializeItem,
  serializeList,
} from 'structured-headers'
import { trimmed } from '../optional-whitespace.ts'
import type { SignedMessage } from './signed-message.ts'

/** A component can't be had: it is not in the message, or its identifier makes no sense. */
export class ComponentError extends Error {}

/** Fields that are structured, by their type: what `sf` asks for (section 2.1.1). */
const STRUCTURED: Readonly<Record<string, 'dictionary' | 'list' | 'item'>> = {
  'accept-signature': 'dictionary',
  'cache-status': 'list',
  'client-cert': 'item',
  'client-cert-chain': 'list',
  'content-digest': 'dictionary',
  'idempotency-key': 'item',
  priority: 'dictionary',
  'proxy-status': 'list',
  'repr-digest': 'dictionary',
  signature: 'dictionary',
  'signature-input': 'dictionary',
  'want-content-digest': 'dictionary',
  'want-repr-digest': 'dictionary',
}

/** What was read of a message: whoever covers a hundred members of a field must not have it parsed a hundred times. */
interface Readings {
  query: ReadonlyMap<string, string | null> | undefined
  readonly dictionaries: Map<string, ReturnType<typeof parseDictionary>>
}

const readings = new WeakMap<SignedMessage, Readings>()

function readingsOf(message: SignedMessage): Readings {
  let read = readings.get(message)
  if (read === undefined) {
    read = { query: undefined, dictionaries: new Map() }
    readings.set(message, read)
  }
  return read
}

/** @throws {ComponentError} */
export function componentValue([name, parameters]: Item, message: SignedMessage): string {
  if (typeof name !== 'string') throw new ComponentError('an identifier that is no string')
  return name.startsWith('@') ? derivedValue(name, parameters, message) : fieldValue(name, parameters, message)
}

function derivedValue(name: string, parameters: Parameters, message: SignedMessage): string {
  if (name === '@query-param') return queryParameter(parameters, message)
  if (parameters.size > 0) throw new ComponentError(`parameters that ${name} has not`)
  const { target } = message
  const question = target.indexOf('?')
  switch (name) {
    case '@method':
      return message.method
    case '@target-uri':
      return `${message.scheme}://${message.authority}${target}`
    case '@authority':
      return message.authority
    case '@scheme':
      return message.scheme
    case '@request-target':
      return message.requestTarget
    case '@path':
      return question < 0 ? target : target.slice(0, question)
    case '@query':
      return question < 0 ? '?' : target.slice(question)
    default:
      throw new ComponentError('a derived component that requests have not')
  }
}

/** Section 2.2.8: one parameter of the query, as forms write them. One that occurs twice can't be covered. */
function queryParameter(parameters: Parameters, message: SignedMessage): string {
  const name = parameters.get('name')
  if (parameters.size !== 1 || typeof name !== 'string') throw new ComponentError('a query parameter without a name')
  const read = readingsOf(message)
  const value = (read.query ??= readQuery(message.target)).get(name)
  if (typeof value !== 'string') throw new ComponentError('a query parameter that is not there once')
  return value
}

/** By their names, encoded; `null` for those that are there twice. */
function readQuery(target: string): ReadonlyMap<string, string | null> {
  const question = target.indexOf('?')
  const values = new Map<string, string | null>()
  for (const [each, value] of new URLSearchParams(question < 0 ? '' : target.slice(question + 1))) {
    const name = percentEncoded(each)
    values.set(name, values.has(name) ? null : percentEncoded(value))
  }
  return values
}

function percentEncoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

function fieldValue(name: string, parameters: Parameters, message: SignedMessage): string {
  if (name !== name.toLowerCase()) throw new ComponentError('a name of a field that is not in lower case')
  const values = message.headers.getAll(name).map(trimmed)
  if (values.length === 0) throw new ComponentError('a field that is not there')
  if (parameters.size === 0) return values.join(', ')
  const [parameter, value] = [...parameters][0]!
  // Those of trailers (`tr`) and of other messages (`req`) are not for requests that have just begun.
  if (parameters.size > 1) throw new ComponentError('parameters that exclude each other')
  if (parameter === 'bs' && value === true) return byteSequences(values)
  if (parameter === 'sf' && value === true) return strictly(name, values.join(', '))
  if (parameter === 'key' && typeof value === 'string') return member(name, values, value, message)
  throw new ComponentError('a parameter that is not known')
}

/** Section 2.1.3. */
function byteSequences(values: readonly string[]): string {
  return serializeList(values.map((value): Item => [Uint8Array.from(Buffer.from(value, 'latin1')), new Map()]))
}

/** Section 2.1.1. */
function strictly(name: string, text: string): string {
  const type = STRUCTURED[name]
  if (type === undefined) throw new ComponentError('a field whose structure is not known')
  try {
    if (type === 'dictionary') return serializeDictionary(parseDictionary(text))
    return type === 'list' ? serializeList(parseList(text)) : serializeItem(parseItem(text))
  } catch {
    throw new ComponentError('a field whose structure is broken')
  }
}

/** Section 2.1.2. */
function member(name: string, values: readonly string[], key: string, message: SignedMessage): string {
  const { dictionaries } = readingsOf(message)
  let dictionary = dictionaries.get(name)
  if (dictionary === undefined) {
    try {
      dictionary = parseDictionary(values.join(', '))
    } catch {
      throw new ComponentError('a field that is no dictionary')
    }
    dictionaries.set(name, dictionary)
  }
  const found = dictionary.get(key)
  if (found === undefined) throw new ComponentError('a member that is not there')
  return Array.isArray(found[0]) ? serializeInnerList(found as InnerList) : serializeItem(found as Item)
}
