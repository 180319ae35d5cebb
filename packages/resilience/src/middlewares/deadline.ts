/**
 * One point in time by which an exchange is answered, shared by all that happens on the way: waiting in queues, tries,
 * retries, hedges, bodies. It is absolute, so that no stage can spend what another has used up, and can be sent on: see
 * `sendDeadline`.
 *
 *     proxy.use(deadline({ timeoutMs: 10_000, header: 'X-Timeout-Ms', acceptFrom: isInternal }))
 */
import {
  ConfigError,
  defineMiddleware,
  type Exchange,
  type Handler,
  type Middleware,
  problemReply,
  type Reply,
  InternalError,
} from '@sluice/core'
import { fieldOption, functionOption, numberOption, type OptionNames, strictOption } from '@sluice/core/options'
import { parseTimeout, type TimeoutFormat } from './timeout-field.ts'

/** Options of {@link deadline}. */
export interface DeadlineOptions<N = unknown> {
  /** Longest time from the request's head to the reply's last byte. 0 for none. @default 0 */
  readonly timeoutMs?: number
  /** A request field that says how long the client is going to wait. The shorter time counts. @default none */
  readonly header?: string
  /** How the field is written: whole milliseconds, or as `grpc-timeout`. @default 'grpc' for `grpc-timeout`, else 'ms' */
  readonly format?: TimeoutFormat
  /**
   * Whose field is believed; from others it is removed. Has to be said where there is a `header`: a target that has not
   * answered by the deadline is held to be slow, so whoever sets very short ones can have good targets ejected.
   */
  readonly acceptFrom?: 'anyone' | ((exchange: Exchange<N>) => boolean)
  /** What a field can ask for at the most. 0 for no bound. @default 0 */
  readonly maxTimeoutMs?: number
}

const NAMES: OptionNames<DeadlineOptions> = {
  timeoutMs: true,
  header: true,
  format: true,
  acceptFrom: true,
  maxTimeoutMs: true,
}

interface Plan<N> {
  readonly timeoutMs: number
  readonly header: string | undefined
  readonly format: TimeoutFormat
  readonly isAccepted: (exchange: Exchange<N>) => boolean
  readonly maxTimeoutMs: number
}

/**
 * Makes the middleware. When the time is over the client gets 504 `ERR_SLUICE_DEADLINE_EXCEEDED`, or a reset where the head
 * was out, and what is under way is cancelled. An event stream and a tunnel are free of it once
 * their head is there.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, when it is built
 */
export function deadline<N = unknown>(options: DeadlineOptions<N>): Middleware<N> {
  strictOption(options, NAMES, 'deadline')
  const plan = compile(options)
  return defineMiddleware<N>('deadline', (exchange, next) => {
    const timeoutMs = timeoutOf(exchange, plan)
    if (timeoutMs === undefined) return next(exchange)
    const at = exchange.startedAt + timeoutMs
    if (at <= exchange.clock.now())
      return problemReply(new InternalError('ERR_SLUICE_DEADLINE_EXCEEDED'), exchange.settings.name)
    exchange.expireAt(at)
    return within(exchange, next)
  })
}

async function within(exchange: Exchange, next: Handler): Promise<Reply> {
  const reply = await next(exchange)
  if (reply.tunnel !== undefined || isEventStream(reply)) exchange.liftDeadline()
  return reply
}

/** Milliseconds from the start; missing where there is no limit. */
function timeoutOf<N>(exchange: Exchange<N>, plan: Plan<N>): number | undefined {
  const asked = plan.header === undefined ? undefined : askedFor(exchange, plan, plan.header)
  if (asked === undefined) return plan.timeoutMs === 0 ? undefined : plan.timeoutMs
  return plan.timeoutMs === 0 ? asked : Math.min(asked, plan.timeoutMs)
}

function askedFor<N>(exchange: Exchange<N>, plan: Plan<N>, header: string): number | undefined {
  const { headers } = exchange.request
  const text = headers.get(header)
  if (text === undefined) return undefined
  const asked = plan.isAccepted(exchange) ? parseTimeout(text, plan.format) : undefined
  if (asked === undefined) headers.delete(header)
  else if (plan.maxTimeoutMs > 0) return Math.min(asked, plan.maxTimeoutMs)
  return asked
}

function isEventStream(reply: Reply): boolean {
  return reply.headers.get('content-type')?.toLowerCase().startsWith('text/event-stream') ?? false
}

function compile<N>(options: DeadlineOptions<N>): Plan<N> {
  const { acceptFrom } = options
  const timeoutMs = numberOption(options.timeoutMs, 0, 'deadline.timeoutMs', 0)
  const header = options.header === undefined ? undefined : fieldOption(options.header, 'deadline.header')
  if (timeoutMs === 0 && header === undefined)
    throw new ConfigError('deadline', 'needs timeoutMs or header: nothing would ever have a deadline')
  if (header !== undefined && acceptFrom === undefined)
    throw new ConfigError('deadline.acceptFrom', 'must say whose field is believed')
  return {
    timeoutMs,
    header,
    format: formatOption(options.format, header, 'deadline.format'),
    isAccepted: isAcceptedFrom(acceptFrom),
    maxTimeoutMs: numberOption(options.maxTimeoutMs, 0, 'deadline.maxTimeoutMs', 0),
  }
}

function isAcceptedFrom<N>(acceptFrom: DeadlineOptions<N>['acceptFrom']): (exchange: Exchange<N>) => boolean {
  if (acceptFrom === 'anyone') return () => true
  return functionOption(acceptFrom, 'deadline.acceptFrom') ?? (() => false)
}

/** The format, which the name of the field may tell. */
export function formatOption(format: TimeoutFormat | undefined, header: string | undefined, at: string): TimeoutFormat {
  if (format === undefined) return header === 'grpc-timeout' ? 'grpc' : 'ms'
  if (format === 'ms' || format === 'grpc') return format
  throw new ConfigError(at, 'must be "ms" or "grpc"')
}
