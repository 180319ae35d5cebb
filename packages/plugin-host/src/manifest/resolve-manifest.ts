/**
 * From what an operator wrote to what the host works with: checked by schema, defaults filled in, grants compiled, the
 * plugin's own schema applied to its configuration. Nothing is read but the manifest itself.
 */
import { readFileSync } from 'node:fs'
import { dirname, extname, resolve } from 'node:path'
import { ConfigError } from '@sluice/core'
import { parse as parseYaml } from 'yaml'
import type { HookName } from '../abi/sluice-v1.ts'
import { type Capabilities, compileCapabilities } from './capabilities.ts'
import {
  DEFAULT_BREAKER,
  DEFAULT_INSTANCES,
  DEFAULT_LIMITS,
  DEFAULT_TICK_MS,
  type ResolvedBreaker,
  type ResolvedInstances,
  type ResolvedLimits,
} from './limits.ts'
import type { JsonHeaders, PluginAbi, PluginCapabilities, PluginManifest, SelfTestCase } from './manifest.ts'
import { assertManifest, checkConfig } from './schema-check.ts'

/** Where the bytes are to be had. */
export type ResolvedSource =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'url'; readonly url: URL }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }

/** A manifest that was checked. */
export interface ResolvedManifest {
  readonly name: string
  readonly version: string
  readonly abi: PluginAbi
  readonly jsonHeaders: JsonHeaders
  readonly source: ResolvedSource
  /** Lower case; missing where any will do. */
  readonly sha256: string | undefined
  /** Missing where all that the module exports are called. */
  readonly hooks: readonly HookName[] | undefined
  /** As the guest gets it. */
  readonly configJson: Uint8Array
  readonly capabilities: Capabilities
  /** What they were compiled from. */
  readonly granted: PluginCapabilities
  readonly limits: ResolvedLimits
  readonly failure: 'open' | 'closed'
  readonly isolation: 'inline' | 'worker'
  readonly instances: ResolvedInstances
  readonly breaker: ResolvedBreaker
  readonly tickMs: number
  readonly selfTest: readonly SelfTestCase[]
}

const PLAIN_CASE: readonly SelfTestCase[] = Object.freeze([{ request: {}, reply: {} }])

/**
 * Takes a manifest, or the path of a file that holds one, as JSON or YAML.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, with the option's path
 */
export function resolveManifest(manifest: PluginManifest | string, at = 'plugin'): ResolvedManifest {
  if (typeof manifest !== 'string') return resolved(manifest, at, process.cwd())
  return resolved(readManifestFile(manifest, at), at, dirname(resolve(manifest)))
}

/**
 * Reads a manifest from text: YAML, of which JSON is a part. It is not checked yet.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`
 */
export function parseManifest(text: string, at = 'plugin'): PluginManifest {
  try {
    // Many aliases of aliases would unfold to more than memory holds.
    return parseYaml(text, { maxAliasCount: 50, prettyErrors: true }) as PluginManifest
  } catch (cause) {
    throw new ConfigError(at, `is neither JSON nor YAML: ${(cause as Error).message}`, { cause })
  }
}

function readManifestFile(path: string, at: string): PluginManifest {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new ConfigError(at, `the manifest can not be read: ${(cause as Error).message}`, { cause })
  }
  if (extname(path) !== '.json') return parseManifest(text, at)
  try {
    return JSON.parse(text) as PluginManifest
  } catch (cause) {
    throw new ConfigError(at, `is not JSON: ${(cause as Error).message}`, { cause })
  }
}

function resolved(manifest: PluginManifest, at: string, folder: string): ResolvedManifest {
  const bytes = bytesOf(manifest)
  // Bytes are no JSON; a path in their place satisfies the schema.
  assertManifest(bytes === undefined ? manifest : { ...manifest, source: 'bytes' }, at)
  const isolation = manifest.isolation ?? 'inline'
  const limits: ResolvedLimits = Object.freeze({ ...DEFAULT_LIMITS[isolation], ...manifest.limits })
  const instances = Object.freeze({ ...DEFAULT_INSTANCES, ...manifest.instances })
  assertFits(manifest, at)
  const sha256 = manifest.sha256?.toLowerCase()
  const source =
    bytes === undefined
      ? sourceOf(manifest.source as Exclude<PluginManifest['source'], { readonly bytes: Uint8Array }>, folder, at)
      : ({ kind: 'bytes', bytes } as const)
  if (source.kind === 'url' && source.url.protocol === 'https:' && sha256 === undefined)
    throw new ConfigError(`${at}.sha256`, 'is required where the source is an https: URL')
  return {
    name: manifest.name,
    version: manifest.version ?? '0.0.0',
    abi: manifest.abi,
    jsonHeaders: manifest.jsonHeaders ?? 'flat',
    source,
    sha256,
    hooks: manifest.hooks,
    configJson: Buffer.from(JSON.stringify(configOf(manifest, at))),
    capabilities: compileCapabilities(manifest.capabilities ?? {}, limits),
    granted: manifest.capabilities ?? {},
    limits,
    failure: manifest.failure ?? 'closed',
    isolation,
    instances,
    breaker: Object.freeze({ ...DEFAULT_BREAKER, ...manifest.breaker }),
    tickMs: manifest.tickMs ?? DEFAULT_TICK_MS,
    selfTest: casesOf(manifest.selfTest ?? true),
  }
}

/** Interfaces of others have no hook that is called chunk by chunk. */
function assertFits({ abi, jsonHeaders, isolation, limits, capabilities = {} }: PluginManifest, at: string): void {
  if (limits?.computeMs !== undefined && isolation !== 'worker')
    throw new ConfigError(`${at}.limits.computeMs`, 'is for the isolation "worker" alone: inline there is fuel')
  if (jsonHeaders !== undefined && abi !== 'extism-json')
    throw new ConfigError(`${at}.jsonHeaders`, 'is for the abi "extism-json" alone')
  if (abi === 'sluice:v1') return
  for (const body of ['requestBody', 'replyBody'] as const)
    if (capabilities[body] === 'stream')
      throw new ConfigError(`${at}.capabilities.${body}`, `must be "none" or "buffer" with the abi "${abi}"`)
}

function bytesOf(manifest: PluginManifest | undefined): Uint8Array | undefined {
  const source: unknown = manifest?.source
  if (typeof source !== 'object' || source === null || !('bytes' in source)) return undefined
  return source.bytes instanceof Uint8Array ? source.bytes : undefined
}

function sourceOf(
  source: string | { readonly path: string } | { readonly url: string },
  folder: string,
  at: string,
): ResolvedSource {
  const text = typeof source === 'string' ? source : 'url' in source ? source.url : undefined
  if (text === undefined || (typeof source === 'string' && !/^[a-z][a-z0-9+.-]+:\/\//i.test(text)))
    return { kind: 'path', path: resolve(folder, text ?? (source as { readonly path: string }).path) }
  const url = URL.parse(text)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'file:'))
    throw new ConfigError(`${at}.source`, 'must be a path, or a URL of the scheme file: or https:')
  return { kind: 'url', url }
}

function configOf({ config = {}, configSchema }: PluginManifest, at: string): unknown {
  if (configSchema !== undefined) return checkConfig(config, configSchema, at)
  return config
}

function casesOf(selfTest: boolean | readonly SelfTestCase[]): readonly SelfTestCase[] {
  return selfTest === true ? PLAIN_CASE : selfTest === false ? [] : selfTest
}
