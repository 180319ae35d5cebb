/**
 * What answers of a service are cached by. An answer that is given to somebody else for whom it would have been another lets strangers in: so everything
 * that the service is shown is a part of the key, but for the path and the address, of which there are too many.
 */
import { ConfigError, type Exchange } from '@sluice/core'
import { fieldOption, functionOption } from '@sluice/core/options'
import { requestAuthority, requestTarget } from '../request-uri.ts'

type CacheKeyFunction = (exchange: Exchange) => string | undefined
type KeyPart = (exchange: Exchange) => string | readonly string[]

/** What a verdict is cached by; see `cacheKey` of `ForwardAuthOptions`. */
export type CacheKeyOption = readonly string[] | CacheKeyFunction

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function compileCacheKey(
  option: unknown,
  requestFields: readonly string[],
  at: string,
): CacheKeyFunction | undefined {
  if (option === undefined) return undefined
  if (!Array.isArray(option)) return ownKey(functionOption(option as CacheKeyFunction, at), at)
  const listed = option.map((name: unknown, index) => keyPart(name, `${at}[${index}]`))
  const fields = requestFields.map((field) => keyPart(field, at))
  const parts: KeyPart[] = [
    ({ request }) => request.method,
    ({ client }) => client.scheme,
    requestAuthority,
    ...fields,
    ...listed,
  ]
  // Written as JSON, since whatever was put between two values could stand in them.
  return (exchange) => JSON.stringify(parts.map((part) => part(exchange)))
}

/** What is no text would be the same text for everybody, such as the name of a promise. */
function ownKey(keyOf: CacheKeyFunction | undefined, at: string): CacheKeyFunction {
  if (keyOf === undefined) throw new ConfigError(at, 'must be a list of names of fields, or a function')
  return (exchange) => {
    const key = keyOf(exchange)
    if (key === undefined || typeof key === 'string') return key
    throw new TypeError(`${at} must give a string or undefined`)
  }
}

function keyPart(name: unknown, at: string): KeyPart {
  // As the service is told, whatever a middleware has made of it.
  if (name === ':path') return requestTarget
  if (name === ':address') return ({ client }) => client.address
  const field = fieldOption(name, at)
  return ({ request }) => request.headers.getAll(field)
}
