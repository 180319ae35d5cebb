/** What an exchange is, beyond its fields: docs/plugin-abi.md has the table of them. */
import { type Exchange, type ExchangeRequest, identity } from '@sluice/core'
import { isToken } from '@sluice/wire'
import { type HostFunctions, INVALID, MISSING, OK, REPLY, REQUEST } from '../abi/sluice-v1.ts'
import type { HookCall } from '../exchange/hook-call.ts'
import { outputFault } from '../fault.ts'
import { type Guest, PRICE } from './guest.ts'

type Reader = (call: HookCall, exchange: Exchange) => string | number | undefined

/** Those that everybody may read. */
const OPEN: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['method', (_, { request }) => request.method],
  ['target', (_, { request }) => request.target],
  ['path', (_, { request }) => request.path],
  ['query', (_, { request }) => request.rawQuery],
  ['scheme', (_, { client }) => client.scheme],
  ['authority', (_, { request }) => request.authority],
  ['protocol', (_, { received }) => received.httpVersion],
  ['status', ({ reply }) => reply?.status],
  ['route.name', (_, { route }) => route?.name],
  ['exchange.duration_ms', ({ end }) => end && Math.round(end.durationMs)],
  ['exchange.body_bytes', ({ end }) => end?.bodyBytes],
  [
    'exchange.error',
    ({ end, reply }) => (end?.error as { code?: string } | undefined)?.code ?? (end && reply?.error?.code),
  ],
])

/** Those that have to be granted. */
const GRANTED: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['client.address', (_, { client }) => client.address],
  ['identity.subject', (_, exchange) => exchange.peek(identity)?.subject],
])

const PARAMETER = 'route.params.'
const VARIABLE = 'env.'

export function propertyFunctions(guest: Guest): Pick<HostFunctions, 'get_property' | 'set_property'> {
  const { memory, call, services } = guest
  const { capabilities, name: plugin, version } = services.manifest
  const own = new Map([
    ['plugin.name', plugin],
    ['plugin.version', version],
  ])

  /** The text, or the result that says why there is none. */
  const read = (name: string): string | number => {
    const known = own.get(name)
    if (known !== undefined) return known
    if (name.startsWith(VARIABLE)) {
      const variable = name.slice(VARIABLE.length)
      return capabilities.mayReadVariable(variable) ? (process.env[variable] ?? MISSING) : guest.denied()
    }
    const { exchange } = call
    const open = OPEN.get(name)
    if (open !== undefined) return textOf(exchange && open(call, exchange))
    const granted = GRANTED.get(name)
    if (granted !== undefined)
      return capabilities.mayReadProperty(name) ? textOf(exchange && granted(call, exchange)) : guest.denied()
    if (name.startsWith(PARAMETER)) return textOf(exchange?.params[name.slice(PARAMETER.length)])
    return MISSING
  }

  return {
    get_property: (name, nameLength, buffer, capacity) => {
      const value = read(memory.utf8(name, nameLength))
      return typeof value === 'string' ? memory.writeUtf8(value, buffer, capacity) : value
    },
    set_property: (name, nameLength, value, valueLength) => {
      const key = memory.utf8(name, nameLength)
      const kind = key === 'status' ? REPLY : REQUEST
      if (kind === REQUEST && !WRITERS.has(key)) return INVALID
      if (!capabilities.mayWriteProperty(key)) return guest.denied()
      if (call.writable !== kind) return INVALID
      guest.spend(PRICE.head)
      call.spendHeader(valueLength >>> 0)
      const text = memory.text(value, valueLength)
      writeProperty(call, key, text)
      return OK
    },
  }
}

/** Writes one that was granted, at a time when it may be written. What is none is a fault. */
export function writeProperty(call: HookCall, name: string, text: string): void {
  call.willWriteHead()
  if (name === 'status') call.reply!.status = statusOf(text)
  else {
    WRITERS.get(name)!(call.exchange!.request, text)
    assertReadOneWay(call.exchange!)
  }
}

function textOf(value: string | number | undefined): string | typeof MISSING {
  return value === undefined ? MISSING : String(value)
}

const WRITERS: ReadonlyMap<string, (request: ExchangeRequest, text: string) => void> = new Map<
  string,
  (request: ExchangeRequest, text: string) => void
>([
  [
    'method',
    (request, text) => {
      if (!isToken(text) || text === 'CONNECT') throw outputFault(`${JSON.stringify(text)} is no method`)
      request.method = text
    },
  ],
  ['target', setTarget],
  ['path', (request, text) => setTarget(request, withQuery(text, request.rawQuery))],
  ['query', (request, text) => setTarget(request, withQuery(request.rawPath, text))],
])

function withQuery(path: string, query: string): string {
  return query === '' ? path : `${path}?${query}`
}

function setTarget(request: ExchangeRequest, target: string): void {
  try {
    if (/^\/[/\\]/.test(target)) throw new RangeError('it begins like an authority')
    request.target = target
  } catch (cause) {
    throw outputFault('the target is none that can be forwarded', cause)
  }
}

/** Guards in front of the plugin have decided on one path; what is forwarded must not be readable as another. */
function assertReadOneWay({ request, route }: Exchange): void {
  if ((request.ambiguities & ~(route?.match.allowedAmbiguities ?? 0)) !== 0)
    throw outputFault('the path could be read in two ways')
}

function statusOf(text: string): number {
  const status = Number(text)
  if (!/^\d{3}$/.test(text) || status < 200 || status > 599) throw outputFault(`${JSON.stringify(text)} is no status`)
  return status
}
