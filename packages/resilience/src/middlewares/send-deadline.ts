/**
 * Tells the target how much of the deadline is left, so that it need not work for a client who will not wait: gRPC's
 * deadline propagation, for any header.
 *
 *     route.use(deadline({ timeoutMs: 10_000 })).forward(users, { edits: [sendDeadline({ header: 'X-Timeout-Ms' })] })
 */
import type { HeadEdit } from '@sluice/core'
import { fieldOption, numberOption, type OptionNames, strictOption } from '@sluice/core/options'
import { formatOption } from './deadline.ts'
import { formatTimeout, type TimeoutFormat } from './timeout-field.ts'

/** Options of {@link sendDeadline}. */
export interface SendDeadlineOptions {
  /** The field, such as `grpc-timeout`. */
  readonly header: string
  /** How it is written. @default 'grpc' for `grpc-timeout`, else 'ms' */
  readonly format?: TimeoutFormat
  /** Kept back for the way: the target is told so much less. @default 0 */
  readonly reserveMs?: number
}

const NAMES: OptionNames<SendDeadlineOptions> = {
  header: true,
  format: true,
  reserveMs: true,
}

/**
 * Makes the edit, for `forward`'s option `edits`. Each attempt is told what is left then, at least 1 ms; without a deadline
 * the field is removed, since what a client wrote there does not hold.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, when it is built
 */
export function sendDeadline(options: SendDeadlineOptions): HeadEdit {
  strictOption(options, NAMES, 'sendDeadline')
  const header = fieldOption(options.header, 'sendDeadline.header')
  const format = formatOption(options.format, header, 'sendDeadline.format')
  const reserveMs = numberOption(options.reserveMs, 0, 'sendDeadline.reserveMs', 0)
  return (head, exchange) => {
    const { remainingMs } = exchange
    if (remainingMs === Number.POSITIVE_INFINITY) head.headers.delete(header)
    else head.headers.set(header, formatTimeout(remainingMs - reserveMs, format))
  }
}
