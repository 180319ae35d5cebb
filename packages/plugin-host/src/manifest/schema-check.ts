/** JSON Schema by ajv, with its findings told as the option's path and a problem, as everywhere else. */
import { ConfigError } from '@sluice/core'
import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { MANIFEST_SCHEMA } from './manifest-schema.ts'

let checkManifest: ValidateFunction | undefined

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function assertManifest(value: unknown, at: string): void {
  checkManifest ??= new Ajv({ strict: true, allowUnionTypes: true, verbose: true }).compile(MANIFEST_SCHEMA)
  if (!checkManifest(value)) throw errorOf(checkManifest.errors, at)
}

/**
 * A plugin's own check of its configuration: gives a copy in which the schema's defaults are filled in.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, for the configuration or for the schema itself
 */
export function checkConfig(config: unknown, schema: Readonly<Record<string, unknown>>, at: string): unknown {
  // A third party's schema: what it says beyond the standard is its own affair, and remote references are never fetched.
  const options: Options = { strict: false, validateFormats: false, useDefaults: true, verbose: true, logger: false }
  let check: ValidateFunction
  try {
    const dialect = schema['$schema']
    const is2020 = typeof dialect === 'string' && dialect.includes('2020-12')
    check = (is2020 ? new Ajv2020(options) : new Ajv(options)).compile(schema)
  } catch (cause) {
    throw new ConfigError(`${at}.configSchema`, `is no JSON Schema: ${(cause as Error).message}`, { cause })
  }
  const copy: unknown = structuredClone(config)
  if (!check(copy)) throw errorOf(check.errors, `${at}.config`)
  return copy
}

/** Of a choice between several forms ajv reports each that does not fit; the one that got furthest says most. */
function errorOf(errors: ErrorObject[] | null | undefined, at: string): ConfigError {
  const found = [...(errors ?? [])].sort((a, b) => depthOf(b) - depthOf(a))
  const error = found.find(({ keyword }) => keyword !== 'anyOf') ?? found[0]
  if (error === undefined) return new ConfigError(at, 'is wrong')
  return new ConfigError(at + pathOf(error.instancePath), problemOf(error))
}

function depthOf({ instancePath }: ErrorObject): number {
  return instancePath.split('/').length
}

/** `/capabilities/kv/prefixes/0` as `.capabilities.kv.prefixes[0]`. */
function pathOf(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`))
    .join('')
}

function problemOf({ keyword, params, message }: ErrorObject): string {
  const details = params as Record<string, unknown>
  switch (keyword) {
    case 'additionalProperties':
      return `has an unknown option "${String(details['additionalProperty'])}"`
    case 'required':
      return `needs "${String(details['missingProperty'])}"`
    case 'enum':
      return `must be one of: ${(details['allowedValues'] as unknown[]).join(', ')}`
    default:
      return message ?? 'is wrong'
  }
}
