/** The module's bytes, from wherever the manifest says, checked against its hash before anything looks into them. */
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { PluginError } from '@sluice/core'
import { request } from 'undici'
import { MODULE_LIMITS } from '../wasm/module-limits.ts'
import type { ResolvedManifest, ResolvedSource } from './resolve-manifest.ts'

const MAX_MODULE_BYTES = MODULE_LIMITS.moduleBytes
const FETCH_TIMEOUT_MS = 30_000

/** A module as it was read. */
export interface LoadedSource {
  readonly bytes: Uint8Array
  /** 64 hexadecimal digits, lower case. */
  readonly sha256: string
}

/**
 * Reads a module.
 * @throws {PluginError} `ERR_SLUICE_PLUGIN_SOURCE`, `ERR_SLUICE_PLUGIN_HASH`
 */
export async function loadSource(manifest: ResolvedManifest): Promise<LoadedSource> {
  const plugin = manifest.name
  let bytes: Uint8Array
  try {
    bytes = await read(manifest.source)
  } catch (cause) {
    const message = `the module of "${plugin}" can not be read: ${(cause as Error).message}`
    throw new PluginError('ERR_SLUICE_PLUGIN_SOURCE', { message, cause, plugin })
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  if (manifest.sha256 !== undefined && manifest.sha256 !== sha256) {
    const message = `the module of "${plugin}" has the SHA-256 ${sha256}, not ${manifest.sha256}`
    throw new PluginError('ERR_SLUICE_PLUGIN_HASH', { message, plugin })
  }
  return { bytes, sha256 }
}

async function read(source: ResolvedSource): Promise<Uint8Array> {
  // A copy: the caller may go on to use what it handed over.
  if (source.kind === 'bytes') return Uint8Array.from(source.bytes)
  if (source.kind === 'path') return await readModuleFile(source.path)
  return source.url.protocol === 'file:' ? await readModuleFile(source.url) : await fetchModule(source.url)
}

async function readModuleFile(path: string | URL): Promise<Uint8Array> {
  const { size } = await stat(path)
  if (size > MAX_MODULE_BYTES) throw tooLarge()
  return await readFile(path)
}

/** Redirects are not followed: the hash would still hold, but an operator wrote down one host and not another. */
async function fetchModule(url: URL): Promise<Uint8Array> {
  const signal = AbortSignal.timeout(FETCH_TIMEOUT_MS)
  const { statusCode, body } = await request(url, { headers: { accept: 'application/wasm' }, signal })
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength
    if (size > MAX_MODULE_BYTES) throw tooLarge()
    chunks.push(chunk)
  }
  if (statusCode !== 200) throw new Error(`the answer is ${statusCode}`)
  return Buffer.concat(chunks)
}

function tooLarge(): Error {
  return new Error(`it has more than ${MAX_MODULE_BYTES} bytes`)
}
