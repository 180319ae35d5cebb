/** Methods whose request may be sent again without asking (RFC 9110, section 9.2.2; RFC 10008 for QUERY). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'QUERY'])

export function isIdempotent(method: string): boolean {
  return method === 'GET' || IDEMPOTENT.has(method)
}
