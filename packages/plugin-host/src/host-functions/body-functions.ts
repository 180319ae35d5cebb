/** Bodies: the one at hand, read in parts and written in one piece. */
import { isKind } from '../abi/header-names.ts'
import { type HostFunctions, INVALID, OK, REQUEST } from '../abi/sluice-v1.ts'
import type { Guest } from './guest.ts'

export function bodyFunctions(guest: Guest): Pick<HostFunctions, 'get_body' | 'set_body'> {
  const { memory, call, services } = guest
  const { requestBody, replyBody } = services.manifest.capabilities
  const isGranted = (kind: number) => (kind === REQUEST ? requestBody : replyBody).mode !== 'none'
  return {
    get_body: (kind, offset, buffer, capacity) => {
      if (!isKind(kind)) return INVALID
      if (!isGranted(kind)) return guest.denied()
      if (kind !== call.bodyKind || call.body === undefined) return INVALID
      const copied = memory.writePart(call.body, offset, buffer, capacity)
      guest.charge(copied)
      return copied
    },
    set_body: (kind, ptr, length) => {
      if (!isKind(kind)) return INVALID
      if (!isGranted(kind)) return guest.denied()
      if (kind !== call.bodyKind) return INVALID
      call.spendOutput(length >>> 0)
      guest.charge(length >>> 0)
      call.body = memory.copy(ptr, length)
      call.hasNewBody = true
      return OK
    },
  }
}
