import { compileGlobs, type Matcher } from './globs.ts'
/** What a manifest grants, compiled once: host functions ask it on every call. */
import { DEFAULT_HTTP, DEFAULT_KV_BYTES, DEFAULT_KV_ENTRIES, DEFAULT_METRICS, type ResolvedLimits } from './limits.ts'
import type { BodyGrant, HttpGrants, KvGrants, PluginCapabilities } from './manifest.ts'

/** Fields of one head. Names come in lower case. */
export interface HeaderCapability {
  readonly mayRead: Matcher
  readonly mayWrite: Matcher
}

/** A body. */
export interface BodyCapability {
  readonly mode: 'none' | 'buffer' | 'stream'
  /** Of a body that is buffered. */
  readonly maxBytes: number
}

/** All of them. */
export interface Capabilities {
  readonly requestHeaders: HeaderCapability
  readonly replyHeaders: HeaderCapability
  readonly requestBody: BodyCapability
  readonly replyBody: BodyCapability
  readonly mayReadProperty: Matcher
  readonly mayWriteProperty: Matcher
  readonly respond: boolean
  readonly kv: Readonly<Required<KvGrants>> | undefined
  readonly http: Readonly<Required<HttpGrants>> | undefined
  /** How many names of metrics; 0 for none. */
  readonly maxMetrics: number
  readonly mayReadVariable: Matcher
}

/** Framing and hop-by-hop fields are the proxy's: a plugin that could write them could split messages (RFC 9112, section 11). */
const NEVER_WRITTEN = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Whether writing a field of this name, in lower case, is a fault whatever is granted. */
export function isNeverWritten(key: string): boolean {
  // Servers that hand fields to programs as variables read `_` as `-`.
  return NEVER_WRITTEN.has(key) || (key.includes('_') && NEVER_WRITTEN.has(key.replaceAll('_', '-')))
}

/** Compiles the grants of a manifest that was checked. */
export function compileCapabilities(granted: PluginCapabilities, limits: ResolvedLimits): Capabilities {
  const { requestHeaders = {}, replyHeaders = {}, properties = {}, kv, http, metrics = false } = granted
  return {
    requestHeaders: headers(requestHeaders),
    replyHeaders: headers(replyHeaders),
    requestBody: body(granted.requestBody ?? 'none', limits),
    replyBody: body(granted.replyBody ?? 'none', limits),
    mayReadProperty: compileGlobs(properties.read ?? []),
    mayWriteProperty: compileGlobs(properties.write ?? []),
    respond: granted.respond ?? false,
    kv: kv && { maxBytes: DEFAULT_KV_BYTES, maxEntries: DEFAULT_KV_ENTRIES, ...kv },
    http: http && { ...DEFAULT_HTTP, allowPrivate: false, ...http },
    maxMetrics: typeof metrics === 'number' ? metrics : metrics ? DEFAULT_METRICS : 0,
    mayReadVariable: compileGlobs(granted.env ?? []),
  }
}

function headers({ read = [], write = [] }: NonNullable<PluginCapabilities['requestHeaders']>): HeaderCapability {
  const mayWrite = compileGlobs(write, { ignoreCase: true })
  const mayWriteHost = write.some((pattern) => pattern.toLowerCase() === 'host')
  return {
    mayRead: compileGlobs(read, { ignoreCase: true }),
    mayWrite: (key) => (key === 'host' ? mayWriteHost : mayWrite(key)),
  }
}

function body(grant: BodyGrant, limits: ResolvedLimits): BodyCapability {
  if (typeof grant === 'object') return { mode: 'buffer', maxBytes: grant.buffer }
  return { mode: grant, maxBytes: limits.bodyBytes }
}
