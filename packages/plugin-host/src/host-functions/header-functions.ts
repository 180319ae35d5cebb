/** Single fields: what most plugins do, most of the time. */
import { isKind } from '../abi/header-names.ts'
import { type HostFunctions, INVALID, MISSING, OK } from '../abi/sluice-v1.ts'
import { outputFault } from '../fault.ts'
import type { Guest } from './guest.ts'

type Names = 'get_header' | 'get_headers' | 'set_header' | 'add_header' | 'remove_header'

export function headerFunctions(guest: Guest): Pick<HostFunctions, Names> {
  const { memory, names, call } = guest
  const write = (kind: number, name: number, nameLength: number, value: number, valueLength: number, adds: boolean) => {
    const grant = names.at(name, nameLength)
    if (grant.forbidden) throw outputFault(`the field ${JSON.stringify(grant.name)} may not be written`)
    if (!isKind(kind)) return INVALID
    if (!grant.write[kind]) return guest.denied()
    const headers = call.writableHeaders(kind)
    if (headers === undefined) return INVALID
    call.spendHeader((nameLength >>> 0) + (valueLength >>> 0))
    const text = memory.text(value, valueLength)
    if (adds) headers.append(grant.name, text)
    else headers.set(grant.name, text)
    return OK
  }
  return {
    get_header: (kind, name, nameLength, buffer, capacity) => {
      const grant = names.at(name, nameLength)
      if (!isKind(kind)) return INVALID
      if (!grant.read[kind]) return guest.denied()
      const value = call.headers(kind)?.get(grant.key)
      if (value === undefined) return MISSING
      guest.charge(value.length)
      return memory.writeText(value, buffer, capacity)
    },
    get_headers: (kind, name, nameLength, buffer, capacity) => {
      const grant = names.at(name, nameLength)
      if (!isKind(kind)) return INVALID
      if (!grant.read[kind]) return guest.denied()
      const values = call.headers(kind)?.getAll(grant.key)
      if (values === undefined || values.length === 0) return MISSING
      return memory.writeForm([values.length, ...values], buffer, capacity)
    },
    set_header: (kind, name, nameLength, value, valueLength) =>
      write(kind, name, nameLength, value, valueLength, false),
    add_header: (kind, name, nameLength, value, valueLength) => write(kind, name, nameLength, value, valueLength, true),
    remove_header: (kind, name, nameLength) => {
      const grant = names.at(name, nameLength)
      if (grant.forbidden) throw outputFault(`the field ${JSON.stringify(grant.name)} may not be removed`)
      if (!isKind(kind)) return INVALID
      if (!grant.write[kind]) return guest.denied()
      const headers = call.writableHeaders(kind)
      if (headers === undefined) return INVALID
      return headers.delete(grant.key) ? OK : MISSING
    },
  }
}
