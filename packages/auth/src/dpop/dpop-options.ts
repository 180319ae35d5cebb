/** Options of DPoP (RFC 9449), resolved. */
import { ConfigError } from '@sluice/core'
import { durationOption, flagOption, strictOption, positiveOption, wholeOption } from '@sluice/core/options'
import { isSecretAlgorithm, type PairAlgorithm, resolveAlgorithms } from '../keys/algorithms.ts'
import { ReplayMemory } from '../replay-memory.ts'
import { originOption } from '../request-uri.ts'
import { ProofCheck } from './proof-check.ts'
import { ProofNonces } from './proof-nonces.ts'

/** How proofs of possession are looked at. */
export interface DpopOptions {
  /** Whether tokens that are bound to no key are refused. @default false */
  readonly required?: boolean
  /** What proofs may be signed with. @default ['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519', 'PS256', 'RS256'] */
  readonly algorithms?: readonly PairAlgorithm[]
  /** How old a proof may be. @default 60_000 */
  readonly maxProofAgeMs?: number
  /** By how much a client's clock may be ahead. @default 5_000 */
  readonly clockToleranceMs?: number
  /**
   * How many proofs are remembered, so that none can be used twice; twice as many at most. Beyond that the oldest are forgotten.
   * @default 100_000
   */
  readonly maxProofs?: number
  /** Whether proofs must have a nonce of ours (RFC 9449, section 9), so that none can be made beforehand. @default false */
  readonly nonces?: boolean
  /** Text of at least 32 bytes that nonces are made with, the same in all processes behind one address. @default one of this process */
  readonly nonceSecret?: string
  /** How long a nonce is good. @default 300_000 */
  readonly nonceMaxAgeMs?: number
  /**
   * What clients call this gateway, such as `https://api.example.com`, where a proxy in front of it changes `Host`.
   * @default the request's own scheme and host
   */
  readonly origin?: string
}

const NAMES = [
  'required',
  'algorithms',
  'maxProofAgeMs',
  'clockToleranceMs',
  'maxProofs',
  'nonces',
  'nonceSecret',
  'nonceMaxAgeMs',
  'origin',
]

const ALGORITHMS: readonly PairAlgorithm[] = ['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519', 'PS256', 'RS256']

/** Missing where it is off. @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function resolveDpop(option: DpopOptions | boolean | undefined, at: string): ProofCheck | undefined {
  if (option === undefined || option === false) return undefined
  const options = option === true ? {} : strictOption(option, NAMES, at)
  const algorithms = resolveAlgorithms(options.algorithms ?? ALGORITHMS, `${at}.algorithms`)
  // RFC 9449, section 4.2.
  if (algorithms.some(isSecretAlgorithm)) throw new ConfigError(`${at}.algorithms`, 'must be ones with a pair of keys')
  const maxAgeMs = positiveOption(options.maxProofAgeMs, 60_000, `${at}.maxProofAgeMs`)
  const clockToleranceMs = durationOption(options.clockToleranceMs, 5_000, `${at}.clockToleranceMs`)
  const nonceMaxAgeMs = positiveOption(options.nonceMaxAgeMs, 300_000, `${at}.nonceMaxAgeMs`)
  const hasNonces = flagOption(options.nonces, false, `${at}.nonces`)
  return new ProofCheck({
    required: flagOption(options.required, false, `${at}.required`),
    algorithms,
    maxAgeMs,
    clockToleranceMs,
    memory: new ReplayMemory(
      wholeOption(options.maxProofs, 100_000, `${at}.maxProofs`, 1),
      maxAgeMs + clockToleranceMs + 1_000,
    ),
    nonces: hasNonces ? new ProofNonces(options.nonceSecret, nonceMaxAgeMs, `${at}.nonceSecret`) : undefined,
    origin: originOption(options.origin, `${at}.origin`),
  })
}
