/** The authority of a request: the strict reading of `Host` (RFC 9110, section 7.2) that routing rests on. */
import { isIPv6 } from 'node:net'

/** A host, lower case and without a trailing dot, and the port where one is named. */
export interface Authority {
  readonly host: string
  readonly port: number | undefined
}

const REG_NAME = /^[a-z0-9_](?:[a-z0-9._~-]*[a-z0-9_~-])?\.?$/

/** Nearly every request names one of a few hosts. Bounded: clients choose what stands in it. */
const recent = new Map<string, Authority | undefined>()
const MAX_RECENT = 256
/** The last one, which the next often is: comparing a text takes less than hashing it. */
let lastText = ''
let last: Authority | undefined

/** Reads `host`, `host:port` or `[v6]:port`; `undefined` where it is anything else (a list, user info, a path, a bad port). */
export function parseAuthority(text: string): Authority | undefined {
  if (text === lastText) return last
  let authority = recent.get(text)
  if (authority === undefined) {
    authority = readAuthority(text)
    if (recent.size >= MAX_RECENT) recent.clear()
    recent.set(text, authority)
  }
  lastText = text
  last = authority
  return authority
}

function readAuthority(text: string): Authority | undefined {
  const bracket = text.startsWith('[') ? text.indexOf(']') : 0
  const colon = text.indexOf(':', bracket)
  const host = (colon < 0 ? text : text.slice(0, colon)).toLowerCase()
  const port = colon < 0 ? undefined : parsePort(text.slice(colon + 1))
  if (Number.isNaN(port)) return undefined
  if (!(host.startsWith('[') ? isBracketed(host) : REG_NAME.test(host))) return undefined
  return { host: host.endsWith('.') ? host.slice(0, -1) : host, port }
}

/** An IPv6 address in brackets, without a zone, which means nothing to another machine. */
function isBracketed(host: string): boolean {
  return host.endsWith(']') && !host.includes('%') && isIPv6(host.slice(1, -1))
}

/** 1 to 65535, `undefined` for an empty one (`host:` names the default), NaN where it is no port. */
function parsePort(text: string): number | undefined {
  if (text === '') return undefined
  if (!/^[0-9]{1,5}$/.test(text)) return Number.NaN
  const port = Number(text)
  return port >= 1 && port <= 65_535 ? port : Number.NaN
}
