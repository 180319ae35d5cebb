/** Bodies for guests of http-wasm: read on from where the last read ended; written piece by piece, the first in the place of what was there. */
import { isKind } from '../abi/header-names.ts'
import type { HttpHandlerFunctions } from '../abi/http-wasm.ts'
import { REPLY } from '../abi/sluice-v1.ts'
import { outputFault } from '../fault.ts'
import { assertBodyGranted } from '../host-functions/message-edits.ts'
import type { HttpWasmGuest } from './http-wasm-guest.ts'

const END = 1n << 32n

export function httpWasmBodies(bound: HttpWasmGuest): Pick<HttpHandlerFunctions, 'read_body' | 'write_body'> {
  const { guest } = bound
  const { memory, call } = guest
  return {
    read_body: (kind: number, buffer: number, limit: number) => {
      if (!isKind(kind)) throw outputFault(`${kind} is no kind of a body`)
      if (limit === 0) throw outputFault('a body is read into no room')
      assertBodyGranted(guest, kind)
      // What was asked of the request's body after it has gone, as of one that was never there: it is over.
      if (call.bodyKind !== kind || call.body === undefined) return END
      const copied = memory.writePart(call.body, bound.readAt, buffer, limit)
      guest.charge(copied)
      bound.readAt += copied
      return bound.readAt >= call.body.length ? END | BigInt(copied) : BigInt(copied)
    },
    write_body: (kind: number, ptr: number, length: number) => {
      if (!isKind(kind)) throw outputFault(`${kind} is no kind of a body`)
      if (kind !== REPLY || !bound.isDrafting) assertBodyGranted(guest, kind)
      if (call.writable === -1 || (kind !== call.writable && !bound.isDrafting))
        throw outputFault('this is not the time to write that body')
      call.spendOutput(length >>> 0)
      guest.charge(length >>> 0)
      ;(bound.written[kind] ??= []).push(memory.copy(ptr, length))
    },
  }
}
