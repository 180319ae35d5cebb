/** Status codes whose meaning for caching is known here (RFC 9111, section 3; RFC 9110, section 15). */

const UNDERSTOOD = new Set([
  200, 201, 202, 203, 204, 205, 300, 301, 302, 303, 307, 308, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410,
  411, 412, 413, 414, 415, 416, 417, 421, 422, 426, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 511,
])
/** Those that may be kept without a word about it (RFC 9110, section 15.1), 206 left out. */
const HEURISTICALLY_CACHEABLE = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])
/** A server's failure, for which a stale response may stand in (RFC 5861, section 4). */
const ERRORS = new Set([500, 502, 503, 504])

export function isUnderstood(status: number): boolean {
  return UNDERSTOOD.has(status)
}

export function isHeuristicallyCacheable(status: number): boolean {
  return HEURISTICALLY_CACHEABLE.has(status)
}

export function isServerError(status: number): boolean {
  return ERRORS.has(status)
}
