/** What guests of http-wasm ask and say beside fields and bodies. */
import { isIPv6 } from 'node:net'
import type { HttpHandlerFunctions } from '../abi/http-wasm.ts'
import { outputFault } from '../fault.ts'
import type { Guest, LogLevel } from '../host-functions/guest.ts'
import { logLine } from '../host-functions/log-line.ts'
import { assertStatus, editProperty } from '../host-functions/message-edits.ts'
import type { HttpWasmGuest } from './http-wasm-guest.ts'

type Names =
  | 'enable_features'
  | 'get_config'
  | 'log'
  | 'log_enabled'
  | 'get_method'
  | 'set_method'
  | 'get_uri'
  | 'set_uri'
  | 'get_protocol_version'
  | 'get_source_addr'
  | 'get_status_code'
  | 'set_status_code'

/** Features, as bits. */
const BUFFER_REQUEST = 1
const BUFFER_RESPONSE = 2

/** From -1 on. */
const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

export function httpWasmMessage(bound: HttpWasmGuest): Pick<HttpHandlerFunctions, Names> {
  const { guest } = bound
  const { memory, call, services } = guest
  const { requestBody, replyBody } = services.manifest.capabilities
  const features =
    (requestBody.mode === 'none' ? 0 : BUFFER_REQUEST) | (replyBody.mode === 'none' ? 0 : BUFFER_RESPONSE)
  const config = configBytes(guest)
  const exchange = () => {
    if (call.exchange === undefined) throw outputFault('there is no request yet')
    return call.exchange
  }
  return {
    // Bodies are buffered where they are granted, whether or not a guest asks for it.
    enable_features: () => features,
    get_config: (buffer: number, limit: number) => memory.writeBytes(config, buffer, limit),
    log: (level: number, ptr: number, length: number) => {
      const name = LEVELS[level + 1]
      if (name !== undefined) logLine(guest, name, memory.part(ptr, length))
    },
    log_enabled: (level: number) => (LEVELS[level + 1] === undefined ? 0 : 1),
    get_method: (buffer: number, limit: number) => memory.writeText(exchange().request.method, buffer, limit),
    set_method: (ptr: number, length: number) => editProperty(guest, 'method', memory.text(ptr, length)),
    get_uri: (buffer: number, limit: number) => memory.writeText(exchange().request.target, buffer, limit),
    set_uri: (ptr: number, length: number) => editProperty(guest, 'target', memory.text(ptr, length) || '/'),
    get_protocol_version: (buffer: number, limit: number) =>
      memory.writeText(`HTTP/${exchange().received.httpVersion}`, buffer, limit),
    get_source_addr: (buffer: number, limit: number) => memory.writeText(sourceOf(guest), buffer, limit),
    get_status_code: () => (bound.isDrafting ? bound.draftStatus : (call.reply?.status ?? 0)),
    set_status_code: (status: number) => {
      assertStatus(status)
      if (bound.isDrafting) bound.draftStatus = status
      else editProperty(guest, 'status', String(status))
    },
  }
}

/** What a manifest has as text is handed over as it is; all else as JSON. */
function configBytes({ services }: Guest): Uint8Array {
  const { configJson } = services.manifest
  const config: unknown = JSON.parse(Buffer.from(configJson).toString())
  return typeof config === 'string' ? Buffer.from(config) : configJson
}

/** Address and port. The port is that of the connection, whoever it is from. */
function sourceOf(guest: Guest): string {
  const { exchange } = guest.call
  if (!guest.services.manifest.capabilities.mayReadProperty('client.address')) {
    guest.denied()
    throw outputFault('the client\'s address needs capabilities.properties.read: ["client.address"]')
  }
  if (exchange === undefined) throw outputFault('there is no request yet')
  const { address, peer } = exchange.client
  return `${isIPv6(address) ? `[${address}]` : address}:${peer.port}`
}
