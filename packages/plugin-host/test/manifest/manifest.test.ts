import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import type { PluginManifest } from '../../src/index.ts'
import { parseManifest, resolveManifest } from '../../src/manifest/resolve-manifest.ts'

const LEAST: PluginManifest = { name: 'headers', abi: 'sluice:v1', source: './headers.wasm' }

/** Why a manifest is refused. */
function refusal(manifest: unknown): ConfigError {
  try {
    resolveManifest(manifest as PluginManifest)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return error as ConfigError
  }
  throw new Error('it was taken')
}

describe('a manifest', () => {
  it('needs a name, an interface and a source, and grants nothing by itself', () => {
    const { capabilities, limits, failure, version, instances, breaker } = resolveManifest(LEAST)
    expect({ failure, version }).toEqual({ failure: 'closed', version: '0.0.0' })
    expect(limits).toEqual({
      memoryPages: 256,
      fuel: 10_000_000,
      fuelPerBodyByte: 1_000,
      initFuel: 50_000_000,
      computeMs: 1_000,
      wallMs: 5_000,
      bodyBytes: 1_048_576,
      outputBytes: 1_048_576,
      headerBytes: 32_768,
      stateBytes: 65_536,
      logBytes: 8_192,
    })
    expect(instances).toEqual({ max: 8, spares: 1 })
    expect(breaker).toEqual({ faults: 10, windowMs: 10_000, openMs: 30_000 })
    expect(capabilities.requestHeaders.mayRead('accept')).toBe(false)
    expect(capabilities.replyHeaders.mayWrite('x-a')).toBe(false)
    expect(capabilities).toMatchObject({ respond: false, kv: undefined, http: undefined, maxMetrics: 0 })
    expect(capabilities.requestBody.mode).toBe('none')
    expect(capabilities.mayReadVariable('PATH')).toBe(false)
  })

  it.each([
    [{ ...LEAST, name: undefined }, 'plugin', 'needs "name"'],
    [{ abi: 'sluice:v1', name: 'a' }, 'plugin', 'needs "source"'],
    [null, 'plugin', 'must be object'],
    [{ ...LEAST, name: 'No Spaces' }, 'plugin.name', 'must match pattern'],
    [{ ...LEAST, abi: 'proxy-wasm' }, 'plugin.abi', 'must be one of: sluice:v1, extism-json, http-wasm'],
    [{ ...LEAST, colour: 'red' }, 'plugin', 'has an unknown option "colour"'],
    [{ ...LEAST, limits: { fuel: 0 } }, 'plugin.limits.fuel', 'must be >= 1'],
    [{ ...LEAST, limits: { fuel: 1e12 } }, 'plugin.limits.fuel', 'must be <='],
    [{ ...LEAST, limits: { memoryPages: 70_000 } }, 'plugin.limits.memoryPages', 'must be <= 65536'],
    [
      { ...LEAST, capabilities: { kv: { prefixes: ['a', 3] } } },
      'plugin.capabilities.kv.prefixes[1]',
      'must be string',
    ],
    [{ ...LEAST, capabilities: { http: {} } }, 'plugin.capabilities.http', 'needs "hosts"'],
    [
      { ...LEAST, capabilities: { requestBody: { buffer: 0 } } },
      'plugin.capabilities.requestBody.buffer',
      'must be >= 1',
    ],
    [{ ...LEAST, sha256: 'abc' }, 'plugin.sha256', 'must match pattern'],
    [{ ...LEAST, failure: 'retry' }, 'plugin.failure', 'must be one of: open, closed'],
    [{ ...LEAST, hooks: ['on_everything'] }, 'plugin.hooks[0]', 'must be one of: on_init'],
    [{ ...LEAST, tickMs: 1 }, 'plugin.tickMs', 'must be >= 100'],
    [{ ...LEAST, source: 'https://plugins.test/a.wasm' }, 'plugin.sha256', 'is required'],
    [{ ...LEAST, source: 'http://plugins.test/a.wasm' }, 'plugin.source', 'file: or https:'],
    [{ ...LEAST, source: { url: 'a.wasm' } }, 'plugin.source', 'file: or https:'],
    [{ ...LEAST, limits: { computeMs: 5 } }, 'plugin.limits.computeMs', 'is for the isolation "worker" alone'],
    [{ ...LEAST, isolation: 'process' }, 'plugin.isolation', 'must be one of: inline, worker'],
    [
      { ...LEAST, abi: 'http-wasm', capabilities: { requestBody: 'stream' } },
      'plugin.capabilities.requestBody',
      'must be "none" or "buffer"',
    ],
    [{ ...LEAST, jsonHeaders: 'nested' }, 'plugin.jsonHeaders', 'for the abi "extism-json" alone'],
  ])('that is wrong is refused with the path of what is wrong: %j', (manifest, path, problem) => {
    const error = refusal(manifest)
    expect(error.path).toBe(path)
    expect(error.message).toContain(problem)
  })

  it('is read from YAML and from JSON, with paths that are relative to it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'manifest-'))
    const yaml = join(folder, 'plugin.yaml')
    writeFileSync(
      yaml,
      'name: headers\nabi: sluice:v1\nsource: build/a.wasm\ncapabilities:\n  requestHeaders:\n    read: [x-*]\n',
    )
    const json = join(folder, 'plugin.json')
    writeFileSync(json, JSON.stringify({ ...LEAST, source: { path: 'build/a.wasm' } }))
    for (const path of [yaml, json]) {
      const manifest = resolveManifest(path)
      expect(manifest).toMatchObject({ name: 'headers', source: { kind: 'path', path: join(folder, 'build/a.wasm') } })
    }
    expect(resolveManifest(yaml).capabilities.requestHeaders.mayRead('x-anything')).toBe(true)
    writeFileSync(json, '{')
    expect(() => resolveManifest(json)).toThrow(/is not JSON/)
    expect(() => resolveManifest(join(folder, 'none.yaml'))).toThrow(/can not be read/)
  })

  it('in YAML that unfolds to more than memory holds is refused', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
    for (let i = 1; i < 10; i++)
      lines.push(`a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(', ')}]`)
    expect(() => parseManifest(lines.join('\n'))).toThrow(/neither JSON nor YAML/)
  })

  it('with __proto__ in it changes nothing but itself', () => {
    const manifest = parseManifest(
      'name: headers\nabi: sluice:v1\nsource: a.wasm\nconfig:\n  __proto__:\n    polluted: true\n',
    )
    expect(JSON.parse(Buffer.from(resolveManifest(manifest).configJson).toString())).toEqual(
      JSON.parse('{"__proto__":{"polluted":true}}'),
    )
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })
})

describe("a plugin's own schema", () => {
  const configSchema = {
    type: 'object',
    properties: { buckets: { type: 'integer', minimum: 2, default: 2 }, salt: { type: 'string' } },
    required: ['salt'],
    additionalProperties: false,
  }

  it('is applied to its configuration, and fills in its defaults', () => {
    const config = Object.freeze({ salt: 'x' })
    const { configJson } = resolveManifest({ ...LEAST, config, configSchema })
    expect(JSON.parse(Buffer.from(configJson).toString())).toEqual({ salt: 'x', buckets: 2 })
  })

  it.each([
    [{ salt: 'x', buckets: 1 }, 'plugin.config.buckets', 'must be >= 2'],
    [{ buckets: 3 }, 'plugin.config', 'needs "salt"'],
    [undefined, 'plugin.config', 'needs "salt"'],
  ])('refuses %j', (config, path, problem) => {
    const error = refusal({ ...LEAST, config, configSchema })
    expect(error.path).toBe(path)
    expect(error.message).toContain(problem)
  })

  it('may be of 2020-12', () => {
    const schema = { $schema: 'https://json-schema.org/draft/2020-12/schema', prefixItems: [{ type: 'number' }] }
    expect(refusal({ ...LEAST, config: ['x'], configSchema: schema }).path).toBe('plugin.config[0]')
  })

  it('that is none is refused itself', () => {
    expect(refusal({ ...LEAST, configSchema: { type: 'strange' } }).path).toBe('plugin.configSchema')
    expect(refusal({ ...LEAST, configSchema: { $ref: 'https://schemas.test/a.json' } }).path).toBe(
      'plugin.configSchema',
    )
  })
})
