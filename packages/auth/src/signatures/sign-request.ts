/**
 * Signs requests on their way to a target (RFC 9421), each attempt anew: what is signed is what that target gets, with the host and the path
 * that it sees.
 *
 *     proxy.forward(orders, { edits: [signRequest({ keyid: 'gateway', algorithm: 'ed25519', key: pem })] })
 */
import { randomBytes } from 'node:crypto'
import { ConfigError, type HeadEdit } from '@sluice/core'
import { flagOption, strictOption, positiveOption, textOption, wordOption } from '@sluice/core/options'
import type { JWK } from 'jose'
import { type InnerList, type Item, serializeDictionary } from 'structured-headers'
import { readAnyPrivateKey, readSecretKey, type SecretInput } from '../keys/key-material.ts'
import { contentDigest, type DigestAlgorithm } from './content-digest.ts'
import { misfit, SIGNATURE_ALGORITHMS, signBase, type SignatureAlgorithm } from './signature-algorithms.ts'
import { signatureBase } from './signature-base.ts'
import { componentsOption } from './signature-fields.ts'
import { attemptMessage } from './signed-message.ts'

/** Options of {@link signRequest}. */
export interface SignRequestOptions {
  /** What targets know the key by. */
  readonly keyid: string
  readonly algorithm: SignatureAlgorithm
  /** A private key, as PEM or JWK; with `hmac-sha256` a secret of at least 32 bytes: bytes, text, or a JWK of the type `oct`. */
  readonly key: JWK | SecretInput
  /**
   * What is covered: names of fields, and of what RFC 9421, section 2.2, derives from a request. A field that a request has not is left out.
   * @default ['@method', '@authority', '@path', '@query', 'content-type', 'content-digest']
   */
  readonly components?: readonly string[]
  /** @default 'sig' */
  readonly label?: string
  /** What it is for; targets may ask for it. @default none */
  readonly tag?: string
  /** How long it is good (`expires`). @default not said: targets go by `created` */
  readonly expiresAfterMs?: number
  /** Whether each has a nonce, so that targets can refuse a second use. @default false */
  readonly nonces?: boolean
  /** Whether signatures that came with the request go on beside this one. Otherwise they are removed. @default false */
  readonly keepSignatures?: boolean
  /**
   * Adds `Content-Digest` where the body is in memory already, as behind `verifySignature` or `digestBody`; of one that still flows
   * nobody knows it yet.
   * @default 'sha-256'
   */
  readonly contentDigest?: DigestAlgorithm | 'none'
}

const NAMES = [
  'keyid',
  'algorithm',
  'key',
  'components',
  'label',
  'tag',
  'expiresAfterMs',
  'nonces',
  'keepSignatures',
  'contentDigest',
]

/** The transport writes them, behind all edits. */
const NOT_YET_WRITTEN = ['content-length', 'transfer-encoding', 'connection', 'te', 'trailer', 'upgrade']

/**
 * Gives an edit for `forward`, to stand behind those that change what it covers.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, when it is built
 */
export function signRequest(options: SignRequestOptions): HeadEdit {
  const at = 'signRequest'
  const { algorithm, tag, expiresAfterMs } = strictOption(options, NAMES, at)
  const keyid = textOption(options.keyid, `${at}.keyid`)
  if (!SIGNATURE_ALGORITHMS.includes(algorithm))
    throw new ConfigError(`${at}.algorithm`, `must be one of ${SIGNATURE_ALGORITHMS.join(', ')}`)
  const key =
    algorithm === 'hmac-sha256'
      ? readSecretKey(options.key, `${at}.key`)
      : readAnyPrivateKey(options.key, `${at}.key`).key
  const problem = misfit(key, algorithm)
  if (problem !== undefined) throw new ConfigError(`${at}.key`, problem)
  const components = ownComponents(options.components, `${at}.components`)
  const label = labelOption(options.label ?? 'sig', `${at}.label`)
  if (tag !== undefined) textOption(tag, `${at}.tag`)
  if (expiresAfterMs !== undefined) positiveOption(expiresAfterMs, undefined, `${at}.expiresAfterMs`)
  const hasNonce = flagOption(options.nonces, false, `${at}.nonces`)
  const keeps = flagOption(options.keepSignatures, false, `${at}.keepSignatures`)
  const digest = wordOption(options.contentDigest, 'sha-256', ['sha-256', 'sha-512', 'none'], `${at}.contentDigest`)

  return (head, exchange, target) => {
    const { headers } = head
    const body = exchange.body.inMemory
    if (digest !== 'none' && body !== undefined && body.byteLength > 0)
      headers.set('Content-Digest', contentDigest(body, digest))
    if (!keeps) {
      headers.delete('signature')
      headers.delete('signature-input')
    }
    const created = Math.floor(exchange.clock.wallTime() / 1_000)
    const parameters = new Map<string, number | string>([['created', created]])
    if (expiresAfterMs !== undefined) parameters.set('expires', created + Math.ceil(expiresAfterMs / 1_000))
    if (hasNonce) parameters.set('nonce', randomBytes(16).toString('base64url'))
    parameters.set('keyid', keyid)
    if (tag !== undefined) parameters.set('tag', tag)
    const covered = components.filter(([name]) => (name as string).startsWith('@') || headers.has(name as string))
    const input: InnerList = [covered, parameters]
    const signature = signBase(signatureBase(input, attemptMessage(head, target)), key, algorithm)
    headers.append('Signature-Input', serializeDictionary(new Map([[label, input]])))
    headers.append(
      'Signature',
      serializeDictionary(new Map([[label, [Uint8Array.from(signature), new Map()] as Item]])),
    )
  }
}

function ownComponents(components: unknown, at: string): Item[] {
  const items = componentsOption(
    components ?? ['@method', '@authority', '@path', '@query', 'content-type', 'content-digest'],
    at,
  )
  items.forEach(([name], index) => {
    if (NOT_YET_WRITTEN.includes(name as string))
      throw new ConfigError(`${at}[${index}]`, 'is written behind all edits, and can not be signed')
  })
  return items
}

/** A key of a dictionary (RFC 9651, section 3.1.2). */
function labelOption(label: unknown, at: string): string {
  if (typeof label === 'string' && /^[a-z*][a-z0-9_.*-]*$/.test(label)) return label
  throw new ConfigError(
    at,
    'must begin with a lower-case letter, and have lower-case letters, digits, _ . * and - in it',
  )
}
