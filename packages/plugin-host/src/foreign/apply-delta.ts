/** Makes the changes that a classic plugin has asked for: removals first, as simple-proxy does. */
import { Reply } from '@sluice/core'
import { Body, HeaderList } from '@sluice/wire'
import { CONTINUE, REPLY, REQUEST, RESPOND } from '../abi/sluice-v1.ts'
import { type Guest, PRICE } from '../host-functions/guest.ts'
import {
  assertMayRespond,
  assertStatus,
  assertWritable,
  editProperty,
  type Kind,
  removeField,
  writeBody,
  writeField,
} from '../host-functions/message-edits.ts'
import type { Delta } from './read-delta.ts'

/** Gives what the hook returns: with a status it is an answer. */
export function applyToRequest(guest: Guest, delta: Delta): number {
  if (delta.status !== undefined) return answer(guest, delta)
  if (delta.method !== undefined) editProperty(guest, 'method', delta.method)
  if (delta.uri !== undefined) editProperty(guest, 'target', delta.uri)
  applyFields(guest, REQUEST, delta)
  return CONTINUE
}

export function applyToReply(guest: Guest, delta: Delta): void {
  if (delta.status !== undefined) {
    assertStatus(delta.status)
    editProperty(guest, 'status', String(delta.status))
  }
  applyFields(guest, REPLY, delta)
}

function applyFields(guest: Guest, kind: Kind, { added, removed, body }: Delta): void {
  const { names, call } = guest
  // So that a long list of names that are not there is not for nothing.
  guest.spend(PRICE.store * (added.length + removed.length))
  for (const name of removed) removeField(guest, kind, names.make(name))
  for (const [name, values] of added) {
    const grant = names.make(name)
    for (const [index, value] of values.entries()) writeField(guest, kind, grant, value, index > 0)
  }
  if (body === undefined) return
  call.spendOutput(body.length)
  writeBody(guest, kind, body)
}

function answer(guest: Guest, { status, added, body = new Uint8Array(0) }: Delta): number {
  assertMayRespond(guest)
  assertStatus(status)
  const { names, call } = guest
  const headers = new HeaderList()
  for (const [name, values] of added)
    for (const value of values) {
      assertWritable(names.make(name))
      call.spendHeader(name.length + value.length)
      headers.append(name, value)
    }
  call.spendOutput(body.length)
  call.localReply = new Reply(status, headers, Body.of(body))
  return RESPOND
}
