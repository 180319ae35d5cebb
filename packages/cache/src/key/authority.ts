/** The authority as part of a key: in lower case, without the port that its scheme has anyway (RFC 9110, section 4.2.3). */

const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: ':80', https: ':443' }

export function canonicalAuthority(authority: string, scheme: string): string {
  const lower = authority.toLowerCase()
  const port = DEFAULT_PORTS[scheme] ?? ':'
  if (lower.endsWith(port)) return lower.slice(0, -port.length)
  return lower.endsWith(':') ? lower.slice(0, -1) : lower
}
