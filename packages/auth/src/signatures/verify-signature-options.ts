/** Options of `verifySignature`, checked and resolved. */
import {
  durationOption,
  flagOption,
  strictOption,
  positiveOption,
  textOption,
  wholeOption,
  wordOption,
} from '@sluice/core/options'
import { type InnerList, type Item, serializeInnerList, serializeItem } from 'structured-headers'
import { ReplayMemory } from '../replay-memory.ts'
import { originOption } from '../request-uri.ts'
import { componentsOption } from './signature-fields.ts'
import { compileSignatureKeys, type FindSignatureKey, type SignatureKeys } from './signature-keys.ts'

/** Options of `verifySignature`. */
export interface VerifySignatureOptions {
  /** The clients' keys. */
  readonly keys: SignatureKeys
  /**
   * What a signature has to cover at least: names of fields, and of what RFC 9421, section 2.2, derives from a request.
   * @default ['@method', '@target-uri']
   */
  readonly components?: readonly string[]
  /** What signatures have to be for (`tag`); others are passed over. @default any */
  readonly tag?: string
  /** How old a signature may be, by its `created`, which must be there. @default 300_000 */
  readonly maxAgeMs?: number
  /** By how much a client's clock may be ahead. @default 5_000 */
  readonly clockToleranceMs?: number
  /** Whether a `nonce` must be there and is good once. @default false */
  readonly nonces?: boolean
  /** How many nonces are remembered; twice as many at most. Beyond that the oldest are forgotten. @default 100_000 */
  readonly maxNonces?: number
  /**
   * Bodies: `with-body`, where there is one the signature must cover `Content-Digest`; `if-covered`, where it does it is checked, and
   * otherwise anybody may have changed the body; `required`, also of an empty one.
   * @default 'with-body'
   */
  readonly contentDigest?: 'with-body' | 'if-covered' | 'required'
  /** Longest body whose digest is checked; a longer one gets 413. @default 1_048_576 */
  readonly maxBodyBytes?: number
  /**
   * What clients call this gateway, such as `https://api.example.com`, where a proxy in front of it changes `Host`.
   * @default the request's own scheme and host
   */
  readonly origin?: string
  /** Whether the fields are taken off the request before it goes on. @default false */
  readonly strip?: boolean
}

/** Resolved. */
export interface SignatureRules {
  readonly find: FindSignatureKey
  /** The identifiers that must be covered. */
  readonly required: readonly string[]
  readonly tag: string | undefined
  readonly maxAgeMs: number
  readonly clockToleranceMs: number
  readonly nonces: ReplayMemory | undefined
  readonly contentDigest: 'with-body' | 'if-covered' | 'required'
  readonly maxBodyBytes: number
  readonly origin: URL | undefined
  readonly strips: boolean
  /** The value of `Accept-Signature`. */
  readonly wanted: string
}

const NAMES = [
  'keys',
  'components',
  'tag',
  'maxAgeMs',
  'clockToleranceMs',
  'nonces',
  'maxNonces',
  'contentDigest',
  'maxBodyBytes',
  'origin',
  'strip',
]

const CONTENT_DIGEST = '"content-digest"'

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function resolveVerifySignature(options: VerifySignatureOptions, at: string): SignatureRules {
  const { keys, tag } = strictOption(options, NAMES, at)
  const components = componentsOption(options.components ?? ['@method', '@target-uri'], `${at}.components`)
  const contentDigest = wordOption(
    options.contentDigest,
    'with-body',
    ['with-body', 'if-covered', 'required'],
    `${at}.contentDigest`,
  )
  const required = components.map((item) => serializeItem(item))
  if (contentDigest === 'required' && !required.includes(CONTENT_DIGEST)) {
    components.push(['content-digest', new Map()])
    required.push(CONTENT_DIGEST)
  }
  const maxAgeMs = positiveOption(options.maxAgeMs, 300_000, `${at}.maxAgeMs`)
  const clockToleranceMs = durationOption(options.clockToleranceMs, 5_000, `${at}.clockToleranceMs`)
  const maxNonces = wholeOption(options.maxNonces, 100_000, `${at}.maxNonces`, 1)
  const wantsNonces = flagOption(options.nonces, false, `${at}.nonces`)
  return {
    find: compileSignatureKeys(keys, `${at}.keys`),
    required,
    tag: tag === undefined ? undefined : textOption(tag, `${at}.tag`),
    maxAgeMs,
    clockToleranceMs,
    nonces: wantsNonces ? new ReplayMemory(maxNonces, maxAgeMs + clockToleranceMs + 1_000) : undefined,
    contentDigest,
    maxBodyBytes: wholeOption(options.maxBodyBytes, 1_048_576, `${at}.maxBodyBytes`, 0),
    origin: originOption(options.origin, `${at}.origin`),
    strips: flagOption(options.strip, false, `${at}.strip`),
    wanted: wantedOf(components, tag, wantsNonces),
  }
}

/** Section 5.1: parameters without a value are those that the client is to fill in. */
function wantedOf(components: readonly Item[], tag: string | undefined, nonces: boolean): string {
  const parameters = new Map<string, string | boolean>([
    ['created', true],
    ['keyid', true],
  ])
  if (nonces) parameters.set('nonce', true)
  if (tag !== undefined) parameters.set('tag', tag)
  return `sig=${serializeInnerList([[...components], parameters] as InnerList)}`
}
