/**
 * Fields for guests of http-wasm. Lists are texts with a NUL behind each; their number is the upper half of the result, their length the
 * lower, and nothing is written where there is no room. Trailers are not there: none are found, and none can be written.
 */
import { isKind, type NameGrant } from '../abi/header-names.ts'
import type { HttpHandlerFunctions } from '../abi/http-wasm.ts'
import { REPLY } from '../abi/sluice-v1.ts'
import { outputFault } from '../fault.ts'
import { assertWritable, type Kind, removeField, writeField } from '../host-functions/message-edits.ts'
import type { HttpWasmGuest } from './http-wasm-guest.ts'

type Names = 'get_header_names' | 'get_header_values' | 'set_header_value' | 'add_header_value' | 'remove_header'

/** What going through a head costs, in instructions for each field. */
const FIELD_FUEL = 20

export function httpWasmFields(bound: HttpWasmGuest): Pick<HttpHandlerFunctions, Names> {
  const { guest } = bound
  const { memory, names, call } = guest
  const fieldsOf = (kind: Kind) => (kind === REPLY && bound.isDrafting ? bound.draft : call.headers(kind))
  const list = (texts: readonly string[], buffer: number, limit: number): bigint => {
    if (texts.length === 0) return 0n
    const length = memory.writeText(`${texts.join('\0')}\0`, buffer, limit)
    guest.charge(length)
    return (BigInt(texts.length) << 32n) | BigInt(length)
  }
  const write = (kind: Kind, grant: NameGrant, value: string, adds: boolean): void => {
    if (kind !== REPLY || !bound.isDrafting) return writeField(guest, kind, grant, value, adds)
    assertWritable(grant)
    call.spendHeader(grant.name.length + value.length)
    if (adds) bound.draft.append(grant.name, value)
    else bound.draft.set(grant.name, value)
  }
  return {
    get_header_names: (kind: number, buffer: number, limit: number) => {
      const flat = isKind(kind) ? (fieldsOf(kind)?.raw() ?? []) : []
      guest.spend(FIELD_FUEL * flat.length)
      const found = new Set<string>()
      for (let i = 0; i < flat.length; i += 2) {
        const grant = names.make(flat[i]!)
        if (mayRead(bound, kind as Kind, grant)) found.add(grant.key)
      }
      return list([...found], buffer, limit)
    },
    get_header_values: (kind: number, name: number, nameLength: number, buffer: number, limit: number) => {
      const grant = names.at(name, nameLength)
      if (!isKind(kind)) return 0n
      if (!mayRead(bound, kind, grant)) {
        guest.denied()
        return 0n
      }
      return list(fieldsOf(kind)?.getAll(grant.key) ?? [], buffer, limit)
    },
    set_header_value: (kind: number, name: number, nameLength: number, value: number, valueLength: number) =>
      write(writable(kind), names.at(name, nameLength), memory.text(value, valueLength), false),
    add_header_value: (kind: number, name: number, nameLength: number, value: number, valueLength: number) =>
      write(writable(kind), names.at(name, nameLength), memory.text(value, valueLength), true),
    remove_header: (kind: number, name: number, nameLength: number) => {
      const grant = names.at(name, nameLength)
      if (writable(kind) !== REPLY || !bound.isDrafting) removeField(guest, kind as Kind, grant)
      else bound.draft.delete(grant.key)
    },
  }
}

/** What a guest has written to its own reply it knows anyway. */
function mayRead(bound: HttpWasmGuest, kind: Kind, grant: NameGrant): boolean {
  return grant.read[kind] || (kind === REPLY && bound.isDrafting)
}

function writable(kind: number): Kind {
  if (isKind(kind)) return kind
  throw outputFault('trailers can not be written')
}
