/** The JSON Schema (draft 7) of a manifest, for editors and for the check at load. `bytes` are checked apart: they are no JSON. */
import { HOOK_NAMES } from '../abi/sluice-v1.ts'
import { MAX_FUEL } from '../wasm/fuel-gauge.ts'
import { MAX_MEMORY_PAGES } from './limits.ts'

type Schema = Readonly<Record<string, unknown>>

const whole = (minimum: number, maximum?: number): Schema => ({
  type: 'integer',
  minimum,
  ...(maximum === undefined ? {} : { maximum }),
})
const texts: Schema = { type: 'array', items: { type: 'string', minLength: 1, maxLength: 256 }, maxItems: 256 }
const strings: Schema = { type: 'object', additionalProperties: { type: 'string' } }
const object = (properties: Record<string, unknown>, required: readonly string[] = []): Schema => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
})
const grants = object({ read: texts, write: texts })
const body: Schema = {
  anyOf: [{ enum: ['none', 'buffer', 'stream'] }, object({ buffer: whole(1, 2 ** 30) }, ['buffer'])],
}

const capabilities = object({
  requestHeaders: grants,
  replyHeaders: grants,
  requestBody: body,
  replyBody: body,
  properties: grants,
  respond: { type: 'boolean' },
  kv: object({ prefixes: { ...texts, minItems: 1 }, maxBytes: whole(1), maxEntries: whole(1) }, ['prefixes']),
  http: object(
    {
      hosts: { ...texts, minItems: 1 },
      methods: { type: 'array', items: { type: 'string', pattern: '^[A-Z]{1,16}$' }, minItems: 1 },
      allowPrivate: { type: 'boolean' },
      timeoutMs: whole(1, 600_000),
      maxReplyBytes: whole(0, 2 ** 30),
      maxRequestBytes: whole(0, 2 ** 30),
      maxCalls: whole(1, 64),
    },
    ['hosts'],
  ),
  metrics: { anyOf: [{ type: 'boolean' }, whole(1, 10_000)] },
  env: texts,
})

const limits = object({
  memoryPages: whole(1, MAX_MEMORY_PAGES),
  fuel: whole(1, MAX_FUEL),
  fuelPerBodyByte: whole(0, 1e6),
  initFuel: whole(1, MAX_FUEL),
  computeMs: whole(1, 600_000),
  wallMs: whole(1, 600_000),
  bodyBytes: whole(1, 2 ** 30),
  outputBytes: whole(0, 2 ** 30),
  headerBytes: whole(0, 2 ** 20),
  stateBytes: whole(0, 2 ** 24),
  logBytes: whole(0, 2 ** 20),
})

const message = object({
  method: { type: 'string' },
  target: { type: 'string' },
  status: whole(200, 599),
  headers: strings,
  body: { type: 'string' },
})
const expectation = object({
  status: whole(200, 599),
  requestHeaders: strings,
  replyHeaders: strings,
  body: { type: 'string' },
})

/** The schema. */
export const MANIFEST_SCHEMA: Schema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'A plugin of Sluice',
  ...object(
    {
      name: { type: 'string', pattern: '^[a-z][a-z0-9-]{0,62}$' },
      version: { type: 'string', minLength: 1, maxLength: 64, pattern: '^[0-9A-Za-z.+-]+$' },
      description: { type: 'string' },
      abi: { enum: ['sluice:v1', 'extism-json', 'http-wasm'] },
      jsonHeaders: { enum: ['flat', 'nested'] },
      source: {
        anyOf: [
          { type: 'string', minLength: 1 },
          object({ path: { type: 'string', minLength: 1 } }, ['path']),
          object({ url: { type: 'string', minLength: 1 } }, ['url']),
        ],
      },
      sha256: { type: 'string', pattern: '^[0-9a-fA-F]{64}$' },
      hooks: { type: 'array', items: { enum: HOOK_NAMES }, uniqueItems: true },
      config: {},
      configSchema: { type: 'object' },
      capabilities,
      limits,
      failure: { enum: ['open', 'closed'] },
      isolation: { enum: ['inline', 'worker'] },
      instances: object({ max: whole(1, 1_024), spares: whole(0, 1_024) }),
      breaker: object({ faults: whole(0), windowMs: whole(1), openMs: whole(1) }),
      tickMs: whole(100),
      selfTest: {
        anyOf: [
          { type: 'boolean' },
          { type: 'array', items: object({ request: message, reply: message, expect: expectation }) },
        ],
      },
    },
    ['name', 'abi', 'source'],
  ),
}
