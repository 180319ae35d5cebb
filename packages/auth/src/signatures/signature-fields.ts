/** `Signature-Input` and `Signature` (RFC 9421, section 4), as they stand in a request. */
import { ConfigError } from '@sluice/core'
import type { HeaderList } from '@sluice/wire'
import { type InnerList, type Item, parseDictionary, parseItem, serializeItem } from 'structured-headers'

/** One signature of a request. */
export interface SignatureEntry {
  readonly label: string
  readonly input: InnerList
  readonly signature: Uint8Array
}

/** What a signature says of itself (section 2.3). A parameter of the wrong type makes all of them worthless. */
export interface SignatureParameters {
  readonly created: number | undefined
  readonly expires: number | undefined
  readonly nonce: string | undefined
  readonly algorithm: string | undefined
  readonly keyid: string | undefined
  readonly tag: string | undefined
}

/** None where there are no signatures; `undefined` where the fields can't be read. */
export function readSignatures(headers: HeaderList): readonly SignatureEntry[] | undefined {
  const inputs = headers.get('signature-input')
  const signatures = headers.get('signature')
  if (inputs === undefined && signatures === undefined) return []
  try {
    const values = parseDictionary(signatures ?? '')
    return [...parseDictionary(inputs ?? '')].map(([label, input]): SignatureEntry => {
      const [signature] = values.get(label) ?? []
      if (!Array.isArray(input[0]) || !(signature instanceof ArrayBuffer)) throw new TypeError()
      return { label, input: input as InnerList, signature: new Uint8Array(signature) }
    })
  } catch {
    return undefined
  }
}

/** `undefined` where one of them is not what it has to be. */
export function readParameters([, parameters]: InnerList): SignatureParameters | undefined {
  const created = parameters.get('created')
  const expires = parameters.get('expires')
  const [nonce, algorithm, keyid, tag] = ['nonce', 'alg', 'keyid', 'tag'].map((name) => parameters.get(name))
  if (!isTime(created) || !isTime(expires)) return undefined
  if (!isText(nonce) || !isText(algorithm) || !isText(keyid) || !isText(tag)) return undefined
  return { created, expires, nonce, algorithm, keyid, tag }
}

function isTime(value: unknown): value is number | undefined {
  return value === undefined || Number.isSafeInteger(value)
}

function isText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string'
}

/**
 * Components as options name them: `@method`, `content-type`, or a whole identifier, such as `"@query-param";name="id"`.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`
 */
export function componentsOption(components: unknown, at: string): Item[] {
  if (!Array.isArray(components)) throw new ConfigError(at, 'must be a list of components')
  const seen = new Set<string>()
  return components.map((component: unknown, index) => {
    const item = componentOption(component, `${at}[${index}]`)
    const identifier = serializeItem(item)
    if (seen.has(identifier)) throw new ConfigError(`${at}[${index}]`, 'stands in the list twice')
    seen.add(identifier)
    return item
  })
}

function componentOption(component: unknown, at: string): Item {
  if (typeof component !== 'string') throw new ConfigError(at, 'must be a string')
  try {
    const item: Item = component.startsWith('"') ? parseItem(component) : [component.toLowerCase(), new Map()]
    const [name] = item
    if (typeof name === 'string' && /^@?[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) && name !== '@signature-params')
      return item
  } catch {
    // Said below.
  }
  throw new ConfigError(at, 'must be the name of a field, or of a component such as "@method"')
}
