/** What can go wrong in this package, each with a stable code. */

/** Codes of {@link WireError}. */
export type WireErrorCode =
  /** A field name that is no token, or a value with a character that may not stand in one (RFC 9110, section 5.5). */
  | 'ERR_SLUICE_HEADER_INVALID'
  /** A write to a header list that is frozen. */
  | 'ERR_SLUICE_HEADER_FROZEN'
  /** A flowing body was read a second time. */
  | 'ERR_SLUICE_BODY_USED'
  /** A body is longer than the reader allowed. */
  | 'ERR_SLUICE_BODY_TOO_LARGE'
  /** A body ended before its end: its source failed or went away. */
  | 'ERR_SLUICE_BODY_ABORTED'
  /** A body is not the JSON it was read as. */
  | 'ERR_SLUICE_BODY_NOT_JSON'

const BRAND = Symbol.for('sluice.WireError')

/** An error of the wire package. Tell it by `code`, or by {@link WireError.is}, which also works across copies. */
export class WireError extends Error {
  readonly code: WireErrorCode
  /** The body whose reader got it, where there is one: a proxy answers for a request's, and not for a reply's. */
  readonly body: object | undefined

  constructor(code: WireErrorCode, message: string, options?: ErrorOptions & { readonly body?: object }) {
    super(message, options)
    this.body = options?.body
    this.name = 'WireError'
    this.code = code
    Object.defineProperty(this, BRAND, { value: true })
  }

  /** Whether `value` is a WireError, of this or of another copy of the package. */
  static is(value: unknown): value is WireError {
    return typeof value === 'object' && value !== null && BRAND in value
  }
}
