/**
 * What a plugin is, what it may do and how much of it: the one document that an operator reviews before third-party code
 * runs. Plain data, so that it can stand in a file. Whatever is not granted here is refused.
 */
import type { HookName } from '../abi/sluice-v1.ts'

/** The interface that a module was written for. */
export type PluginAbi = 'sluice:v1' | 'extism-json' | 'http-wasm'

/** How fields stand in the JSON of `extism-json`: `{ name: [values] }`, or that within an object called `headers`. */
export type JsonHeaders = 'flat' | 'nested'

/** Where the module comes from: a path or a `file:` or `https:` URL as text, or one of these. */
export type PluginSource =
  | string
  /** A file; relative to the manifest's, or to the working directory. */
  | { readonly path: string }
  /** `file:` or `https:`; the latter needs `sha256`. */
  | { readonly url: string }
  /** The module itself. */
  | { readonly bytes: Uint8Array }

/** Header names, in which `*` stands for any characters: `['x-*', 'cookie']`. */
export interface HeaderGrants {
  /** @default [] */
  readonly read?: readonly string[]
  /** `host` is written only where it stands here in so many letters; framing and hop-by-hop fields never. @default [] */
  readonly write?: readonly string[]
}

/**
 * How a body is seen: not at all; whole, up to `limits.bodyBytes` or a number of its own; or chunk by chunk as it flows.
 */
export type BodyGrant = 'none' | 'buffer' | 'stream' | { readonly buffer: number }

/** Keys that a plugin may use, in the store that plugins of a host share. */
export interface KvGrants {
  /** Beginnings of keys. Two plugins with the same one share what is under it. */
  readonly prefixes: readonly string[]
  /** Keys and values that this plugin wrote. @default 1_048_576 */
  readonly maxBytes?: number
  /** @default 10_000 */
  readonly maxEntries?: number
}

/** What a plugin may ask for by HTTP. */
export interface HttpGrants {
  /**
   * `api.example.com` (ports 80 and 443), `api.example.com:8443`, `*.example.com`. The addresses that a name resolves to are
   * checked as well.
   */
  readonly hosts: readonly string[]
  /** @default ['GET', 'HEAD', 'POST'] */
  readonly methods?: readonly string[]
  /** Whether loopback, private, link-local and other addresses that are not of the open Internet may be asked. @default false */
  readonly allowPrivate?: boolean
  /** Longest time to the whole reply; a call may ask for less. @default 2_000 */
  readonly timeoutMs?: number
  /** Of a reply's body; a longer one is an error. @default 262_144 */
  readonly maxReplyBytes?: number
  /** Of a request's body. @default 65_536 */
  readonly maxRequestBytes?: number
  /** Calls that one hook may have under way. @default 4 */
  readonly maxCalls?: number
}

/** Properties beyond those that everybody may read: see docs/plugin-abi.md. `*` stands for any characters. */
export interface PropertyGrants {
  /** @default [] */
  readonly read?: readonly string[]
  /** @default [] */
  readonly write?: readonly string[]
}

/** What a plugin may see and do. */
export interface PluginCapabilities {
  readonly requestHeaders?: HeaderGrants
  readonly replyHeaders?: HeaderGrants
  /** @default 'none' */
  readonly requestBody?: BodyGrant
  /** @default 'none' */
  readonly replyBody?: BodyGrant
  readonly properties?: PropertyGrants
  /** Whether it may answer in the place of the upstream. @default false */
  readonly respond?: boolean
  readonly kv?: KvGrants
  readonly http?: HttpGrants
  /** Whether it may count; or how many names at most. @default false */
  readonly metrics?: boolean | number
  /** Names of variables of the environment, in which `*` stands for any characters. @default [] */
  readonly env?: readonly string[]
}

/** How much of it. */
export interface PluginLimits {
  /** Of an instance's memory, 64 KiB each. @default 256 */
  readonly memoryPages?: number
  /**
   * Instructions that one call of a hook may take. Ten million take 1 to 25 ms, in which nothing else runs on that thread. At most, and with
   * `isolation: 'worker'` by default, 2_147_483_647.
   * @default 10_000_000
   */
  readonly fuel?: number
  /** More of it for each byte of body that a hook is handed. @default 1_000 */
  readonly fuelPerBodyByte?: number
  /** For starting an instance and `on_init`. @default 50_000_000 */
  readonly initFuel?: number
  /**
   * With `isolation: 'worker'` alone: longest time that a hook may compute, until it returns or pauses. Its thread is ended then, and
   * another takes its place.
   * @default 1_000
   */
  readonly computeMs?: number
  /** Longest time of one hook, from its call to its result: what pauses may take, computing is bounded by fuel. @default 5_000 */
  readonly wallMs?: number
  /** Of a body that is buffered, where its grant names no number of its own. @default 1_048_576 */
  readonly bodyBytes?: number
  /** That one call may write as body. @default 1_048_576 */
  readonly outputBytes?: number
  /** Of names and values that one call may write. @default 32_768 */
  readonly headerBytes?: number
  /** That may be kept for an exchange with `set_state`. @default 65_536 */
  readonly stateBytes?: number
  /** Of log lines of one call; what is beyond is cut off. @default 8_192 */
  readonly logBytes?: number
}

/** Instances of the module. */
export interface PluginInstances {
  /** At most so many at a time. One is enough for a plugin that never pauses. @default 8 */
  readonly max?: number
  /** Made in advance, for when one faults or pauses. @default 1 */
  readonly spares?: number
}

/** When a plugin that faults is no longer called. */
export interface PluginBreaker {
  /** So many faults within the window. 0 for never. @default 10 */
  readonly faults?: number
  /** @default 10_000 */
  readonly windowMs?: number
  /** How long it rests then; after that one call decides. @default 30_000 */
  readonly openMs?: number
}

/** A request, and perhaps a reply, that a new version is tried on before it serves. */
export interface SelfTestCase {
  readonly request?: {
    /** @default 'GET' */
    readonly method?: string
    /** @default '/' */
    readonly target?: string
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string
  }
  /** Handed to the response hooks. */
  readonly reply?: {
    /** @default 200 */
    readonly status?: number
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string
  }
  /** What must come of it; each is compared where it is given. */
  readonly expect?: {
    /** The status of what the client would get. */
    readonly status?: number
    /** Fields of the request as it would be forwarded. */
    readonly requestHeaders?: Readonly<Record<string, string>>
    /** Fields of what the client would get. */
    readonly replyHeaders?: Readonly<Record<string, string>>
    /** The text of what the client would get. */
    readonly body?: string
  }
}

/** A plugin's manifest. */
export interface PluginManifest {
  /** Lower-case letters, digits and `-`: for `explain()`, logs, metrics, and as the key in a host. */
  readonly name: string
  /** @default '0.0.0' */
  readonly version?: string
  /** One sentence, for whoever reads it. */
  readonly description?: string
  readonly abi: PluginAbi
  /**
   * Of `extism-json` alone: how a plugin wants fields. simple-proxy's documentation has them flat, its own types for Rust (`JsonHeaderMap`)
   * nested. What a plugin gives may be either.
   * @default 'flat'
   */
  readonly jsonHeaders?: JsonHeaders
  readonly source: PluginSource
  /** Of the module's bytes, 64 hexadecimal digits. Required for `https:`. */
  readonly sha256?: string
  /** The hooks that are called, each of which the module must have. @default all that the module exports */
  readonly hooks?: readonly HookName[]
  /** Handed to the plugin as JSON. @default {} */
  readonly config?: unknown
  /** A JSON Schema (draft 7 or 2020-12) that `config` must satisfy; its defaults are filled in. */
  readonly configSchema?: Readonly<Record<string, unknown>>
  readonly capabilities?: PluginCapabilities
  readonly limits?: PluginLimits
  /**
   * What becomes of an exchange whose hook faults. `closed`: it is answered with the fault's status. `open`: it goes on as if the plugin
   * were not there, without what the faulty call had changed.
   * @default 'closed'
   */
  readonly failure?: 'open' | 'closed'
  /**
   * `inline`: on the proxy's own thread. `worker`: on a thread of its own, which is ended where it computes too long, and costs some 50 µs a
   * call instead of 1 or 2.
   * @default 'inline'
   */
  readonly isolation?: 'inline' | 'worker'
  readonly instances?: PluginInstances
  readonly breaker?: PluginBreaker
  /** How often `on_tick` is called, 100 at least. @default 1_000 */
  readonly tickMs?: number
  /**
   * What is tried before a version serves. `true`: one plain GET and a 200, which must not fault. `false`: nothing but `on_init`.
   * Keys and values are a store of its own meanwhile, and HTTP calls fail.
   * @default true
   */
  readonly selfTest?: boolean | readonly SelfTestCase[]
}
