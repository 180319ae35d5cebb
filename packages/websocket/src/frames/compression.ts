/**
 * `permessage-deflate` (RFC 7692) where messages are looked at: agreed with the client and with the target each by itself,
 * since what one side has compressed is not what the other gets.
 */
import { UpstreamError } from '@sluice/core'
import type { HeaderList } from '@sluice/wire'
import type { FramePlan } from './frame-options.ts'
import { extension, type ExtensionList, type Extensions, PerMessageDeflate } from './ws-parts.ts'

const NAME = 'permessage-deflate'
const FIELD = 'sec-websocket-extensions'
const NONE: Extensions = Object.freeze({})

/** What was agreed. */
export interface Agreement {
  readonly client: Extensions
  readonly target: Extensions
}

type CompressionPlan = Pick<FramePlan<never>, 'compression' | 'compressionThresholdBytes' | 'maxMessageBytes'>

/** The negotiation of one tunnel. */
export class Negotiation {
  readonly #plan: CompressionPlan
  #offers: ExtensionList[string] | undefined = undefined
  #target: InstanceType<typeof PerMessageDeflate> | undefined = undefined

  constructor(plan: CompressionPlan) {
    this.#plan = plan
  }

  /** Puts our offer to the target in the place of the client's. `false` where the client's is malformed. */
  offer(headers: HeaderList): boolean {
    const offered = headers.get(FIELD)
    if (offered === undefined) return true
    headers.delete(FIELD)
    if (!this.#plan.compression) return true
    try {
      this.#offers = extension.parse(offered)[NAME]
    } catch {
      return false
    }
    if (this.#offers === undefined) return true
    this.#target = this.#deflate(false)
    headers.set('Sec-WebSocket-Extensions', extension.format({ [NAME]: this.#target.offer() }))
    return true
  }

  /**
   * Puts our answer to the client in the place of the target's.
   * @throws {UpstreamError} `ERR_SLUICE_UPGRADE_FAILED` where the target has chosen what was not offered
   */
  agree(headers: HeaderList): Agreement {
    const target = this.#withTarget(headers.get(FIELD))
    if (headers.has(FIELD)) headers.delete(FIELD)
    const client = this.#withClient(headers)
    return { client, target }
  }

  #withTarget(chosen: string | undefined): Extensions {
    if (chosen === undefined) return NONE
    try {
      const { [NAME]: parameters, ...others } = extension.parse(chosen)
      if (this.#target === undefined || parameters === undefined || Object.keys(others).length > 0)
        throw new Error('an extension that was not offered')
      this.#target.accept(parameters)
      return { [NAME]: this.#target }
    } catch (cause) {
      throw new UpstreamError('ERR_SLUICE_UPGRADE_FAILED', { cause, message: `Sec-WebSocket-Extensions: ${chosen}` })
    }
  }

  #withClient(headers: HeaderList): Extensions {
    if (this.#offers === undefined) return NONE
    const deflate = this.#deflate(true)
    try {
      deflate.accept(this.#offers)
    } catch {
      // None that we could accept: then without.
      return NONE
    }
    headers.set('Sec-WebSocket-Extensions', extension.format({ [NAME]: [deflate.params] }))
    return { [NAME]: deflate }
  }

  #deflate(isServer: boolean): InstanceType<typeof PerMessageDeflate> {
    const { maxMessageBytes, compressionThresholdBytes } = this.#plan
    return new PerMessageDeflate({ isServer, maxPayload: maxMessageBytes, threshold: compressionThresholdBytes })
  }
}
