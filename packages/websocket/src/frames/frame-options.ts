/** Options of messages, resolved once. */
import type { Exchange } from '@sluice/core'
import {
  durationOption,
  flagOption,
  functionOption,
  optionalDuration,
  type OptionNames,
  strictOption,
  wholeOption,
} from '@sluice/core/options'

/** A whole message on its way, whatever frames it came in. */
export interface TunnelMessage {
  readonly from: 'client' | 'target'
  /** Text is UTF-8, and was checked. */
  readonly isBinary: boolean
  readonly data: Buffer
}

/** Looks at a message. What it returns goes on in the message's place, `false` drops it; nothing lets it pass as it is. */
export type MessageHook<N = unknown> = (
  message: TunnelMessage,
  exchange: Exchange<N>,
) => Buffer | string | false | undefined | void

/** How messages are looked at. */
export interface FrameOptions<N = unknown> {
  /**
   * Longer messages, decompressed, end the tunnel with 1009. So much is kept in memory of each side, since a message goes on
   * when it is whole.
   * @default 1_048_576
   */
  readonly maxMessageBytes?: number
  /** Synchronous. One that throws ends the tunnel with 1011. */
  readonly onMessage?: MessageHook<N>
  /**
   * Whether messages may be compressed (RFC 7692), negotiated with each side by itself. Otherwise no target is offered it.
   * @default false
   */
  readonly compression?: boolean
  /** Shorter messages are sent as they are, compressed or not. @default 1_024 */
  readonly compressionThresholdBytes?: number
}

const NAMES: OptionNames<FrameOptions> = {
  maxMessageBytes: true,
  onMessage: true,
  compression: true,
  compressionThresholdBytes: true,
}

/** Resolved options. */
export interface FramePlan<N> {
  readonly maxMessageBytes: number
  readonly onMessage: MessageHook<N> | undefined
  readonly compression: boolean
  readonly compressionThresholdBytes: number
  readonly pingIntervalMs: number
  readonly closeJitterMs: number | undefined
}

const MAX_MESSAGE_BYTES = 2_147_483_647

/** `at` is the option's place. */
export function framePlan<N>(
  options: FrameOptions<N>,
  pingIntervalMs: number | undefined,
  closeJitterMs: number | undefined,
  at: string,
): FramePlan<N> {
  const { maxMessageBytes, compressionThresholdBytes } = strictOption(options, NAMES, `${at}.frames`)
  return {
    maxMessageBytes: wholeOption(maxMessageBytes, 1_048_576, `${at}.frames.maxMessageBytes`, 1, MAX_MESSAGE_BYTES),
    onMessage: functionOption(options.onMessage, `${at}.frames.onMessage`),
    compression: flagOption(options.compression, false, `${at}.frames.compression`),
    compressionThresholdBytes: wholeOption(
      compressionThresholdBytes,
      1_024,
      `${at}.frames.compressionThresholdBytes`,
      0,
    ),
    pingIntervalMs: durationOption(pingIntervalMs, 0, `${at}.pingIntervalMs`),
    closeJitterMs: optionalDuration(closeJitterMs, `${at}.closeJitterMs`),
  }
}
