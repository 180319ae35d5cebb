/**
 * What an interface of others writes to a message. Its guests expect that a write which is not allowed ends the call, and so it does
 * here: each is a fault, and what the manifest does not grant shows in the first test.
 */
import type { NameGrant } from '../abi/header-names.ts'
import { REPLY, REQUEST } from '../abi/sluice-v1.ts'
import { outputFault } from '../fault.ts'
import type { Guest } from './guest.ts'
import { writeProperty } from './property-functions.ts'

/** Request or reply. */
export type Kind = typeof REQUEST | typeof REPLY

const GRANTS = ['requestHeaders', 'replyHeaders'] as const
const BODIES = ['requestBody', 'replyBody'] as const

/** Sets a field, or adds one beside others. */
export function writeField(guest: Guest, kind: Kind, grant: NameGrant, value: string, adds: boolean): void {
  const headers = fieldsToWrite(guest, kind, grant)
  guest.call.spendHeader(grant.name.length + value.length)
  if (adds) headers.append(grant.name, value)
  else headers.set(grant.name, value)
}

/** Takes a field away. */
export function removeField(guest: Guest, kind: Kind, grant: NameGrant): void {
  fieldsToWrite(guest, kind, grant).delete(grant.key)
}

/** A field that is the proxy's own may not be in a reply of the plugin's making either. */
export function assertWritable(grant: NameGrant): void {
  if (grant.forbidden) throw outputFault(`the field ${JSON.stringify(grant.name)} may not be written`)
}

function fieldsToWrite(guest: Guest, kind: Kind, grant: NameGrant) {
  assertWritable(grant)
  if (!grant.write[kind]) {
    guest.denied()
    throw outputFault(`writing the field "${grant.key}" needs capabilities.${GRANTS[kind]}.write`)
  }
  const headers = guest.call.writableHeaders(kind)
  if (headers === undefined) throw outputFault('this is not the time to write that head')
  return headers
}

/** Writes `method` or `target` of the request, or `status` of the reply. */
export function editProperty(guest: Guest, name: 'method' | 'target' | 'status', text: string): void {
  const { call, services } = guest
  const kind = name === 'status' ? REPLY : REQUEST
  if (!services.manifest.capabilities.mayWriteProperty(name)) {
    guest.denied()
    throw outputFault(`writing "${name}" needs capabilities.properties.write`)
  }
  if (call.writable !== kind) throw outputFault(`this is not the time to write "${name}"`)
  call.spendHeader(text.length)
  writeProperty(call, name, text)
}

/** Puts another body in the place of the message's own. */
export function writeBody(guest: Guest, kind: Kind, body: Uint8Array): void {
  const { call } = guest
  assertBodyGranted(guest, kind)
  if (call.bodyKind !== kind) throw outputFault('this is not the time to write that body')
  call.body = body
  call.hasNewBody = true
}

/** @throws {PluginError} `ERR_SLUICE_PLUGIN_OUTPUT` */
export function assertBodyGranted(guest: Guest, kind: Kind): void {
  if (guest.services.manifest.capabilities[BODIES[kind]].mode !== 'none') return
  guest.denied()
  throw outputFault(`that body needs capabilities.${BODIES[kind]}`)
}

/** A status that a reply can have. */
export function assertStatus(status: unknown): asserts status is number {
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 200 || status > 599)
    throw outputFault(`${JSON.stringify(status)} is no status of a reply`)
}

/** Whether the plugin may answer in the place of the upstream. */
export function assertMayRespond(guest: Guest): void {
  if (guest.services.manifest.capabilities.respond) return
  guest.denied()
  throw outputFault('an answer of its own needs capabilities.respond')
}
