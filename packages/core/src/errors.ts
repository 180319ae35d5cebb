/**
 * What an exchange fails with. An expected refusal (401, 404, 429) is a Reply; an error is for what was not expected. It
 * says whose doing it was, how far the exchange had come, and whether another attempt makes sense, so that a retry policy,
 * a log line and the client's answer need not guess from a message.
 */
import { ERROR_CODES } from './error-codes.ts'
import type {
  DownstreamErrorCode,
  ErrorDescription,
  ErrorSource,
  ErrorStage,
  InternalErrorCode,
  PluginErrorCode,
  ProxyErrorCode,
  RetryAdvice,
  UpstreamErrorCode,
} from './error-codes.ts'

/** What can be said of an error beyond its code. */
export interface ProxyErrorOptions {
  /** For people who read logs; clients never see it. @default the title of the code */
  readonly message?: string
  /** What was underneath. */
  readonly cause?: unknown
  /** The key of the target whose attempt failed. */
  readonly target?: string | undefined
  /** Another status for the client than the code's own, 400 to 599. */
  readonly status?: number
  /** Another stage than the code's own. */
  readonly stage?: ErrorStage
  /** Other advice than the code's own. */
  readonly retry?: RetryAdvice
  /** How long the client had better wait, in milliseconds: becomes `Retry-After`. */
  readonly retryAfterMs?: number | undefined
}

const BRAND = Symbol.for('sluice.ProxyError')

/** The base of all errors of an exchange. Told by `code`; {@link ProxyError.is} also works across copies of the package. */
export class ProxyError extends Error {
  readonly code: ProxyErrorCode
  readonly status: number
  readonly source: ErrorSource
  readonly stage: ErrorStage
  readonly retry: RetryAdvice
  readonly target: string | undefined
  readonly retryAfterMs: number | undefined

  constructor(code: ProxyErrorCode, options: ProxyErrorOptions = {}) {
    const description: ErrorDescription = ERROR_CODES[code]
    super(options.message ?? description.title, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = code
    this.status = options.status ?? description.status
    if (!(Number.isInteger(this.status) && this.status >= 400 && this.status <= 599)) {
      throw new RangeError(`not a status for an error: ${this.status}`)
    }
    this.source = description.source
    this.stage = options.stage ?? description.stage
    this.retry = options.retry ?? description.retry
    this.target = options.target
    this.retryAfterMs = options.retryAfterMs
    Object.defineProperty(this, BRAND, { value: true })
  }

  /** Whether `value` is a ProxyError, of this or of another copy of the package. */
  static is(value: unknown): value is AnyProxyError {
    return typeof value === 'object' && value !== null && BRAND in value
  }
}

/** The client broke a rule, or left. */
export class DownstreamError extends ProxyError {
  declare readonly code: DownstreamErrorCode
  declare readonly source: 'downstream'

  constructor(code: DownstreamErrorCode, options?: ProxyErrorOptions) {
    super(code, options)
  }
}

/** A target could not be reached, or did not keep to the protocol or to the time. */
export class UpstreamError extends ProxyError {
  declare readonly code: UpstreamErrorCode
  declare readonly source: 'upstream'

  constructor(code: UpstreamErrorCode, options?: ProxyErrorOptions) {
    super(code, options)
  }
}

/** The proxy itself could not go on. */
export class InternalError extends ProxyError {
  declare readonly code: InternalErrorCode
  declare readonly source: 'internal'

  constructor(code: InternalErrorCode, options?: ProxyErrorOptions) {
    super(code, options)
  }
}

/** What can be said of a plugin's error beyond its code. */
export interface PluginErrorOptions extends ProxyErrorOptions {
  /** The plugin's name, where it is known. */
  readonly plugin?: string | undefined
}

/** A plugin can't be loaded, or has not kept within its limits. */
export class PluginError extends ProxyError {
  declare readonly code: PluginErrorCode
  declare readonly source: 'internal'
  /** The plugin's name, where it was known. */
  readonly plugin: string | undefined

  constructor(code: PluginErrorCode, options: PluginErrorOptions = {}) {
    super(code, options)
    this.plugin = options.plugin
  }
}

/** An option is wrong. Thrown when a proxy is built, never while it runs. */
export class ConfigError extends InternalError {
  declare readonly code: 'ERR_SLUICE_CONFIG'
  /** Where the option stands, e.g. `upstreams.users.targets[1].weight`. */
  readonly path: string

  constructor(path: string, problem: string, options: ErrorOptions = {}) {
    super('ERR_SLUICE_CONFIG', { message: `${path}: ${problem}`, cause: options.cause })
    this.path = path
  }
}

/** Any of them; `switch (error.code)` narrows it. */
export type AnyProxyError = DownstreamError | UpstreamError | InternalError | PluginError | ConfigError
