/** Whole heads in one piece: cheaper than field by field from about six fields on. */
import { FormReader } from '../abi/binary-form.ts'
import { isKind, type NameGrant } from '../abi/header-names.ts'
import { type HostFunctions, INVALID, MISSING, OK, REQUEST } from '../abi/sluice-v1.ts'
import { outputFault } from '../fault.ts'
import { type Guest, PRICE } from './guest.ts'

const SET = 0
const ADD = 1
const REMOVE = 2

interface Edit {
  readonly what: number
  readonly grant: NameGrant
  readonly value: string
}

export function headFunctions(guest: Guest): Pick<HostFunctions, 'get_head' | 'edit_head'> {
  const { memory, names, call } = guest
  return {
    get_head: (kind, buffer, capacity) => {
      if (!isKind(kind)) return INVALID
      const headers = call.headers(kind)
      if (headers === undefined) return MISSING
      guest.spend(PRICE.head)
      const flat = headers.raw()
      const { exchange, reply } = call
      const parts: (number | string)[] =
        kind === REQUEST ? [exchange!.request.method, exchange!.request.target, 0] : [reply!.status, 0]
      const countAt = parts.length - 1
      let count = 0
      for (let i = 0; i < flat.length; i += 2) {
        const grant = names.make(flat[i]!)
        if (!grant.read[kind]) continue
        parts.push(grant.key, flat[i + 1]!)
        count++
      }
      parts[countAt] = count
      return memory.writeForm(parts, buffer, capacity)
    },
    edit_head: (kind, ptr, length) => {
      if (!isKind(kind)) return INVALID
      guest.spend(PRICE.head)
      const edits = readEdits(new FormReader(memory.part(ptr, length)), (name) => names.make(name))
      // All or none: a plugin that was granted half of what it needs had better not do half of its work.
      for (const { grant } of edits) if (!grant.write[kind]) return guest.denied()
      const headers = call.writableHeaders(kind)
      if (headers === undefined) return INVALID
      for (const { what, grant, value } of edits) {
        call.spendHeader(grant.name.length + value.length)
        if (what === SET) headers.set(grant.name, value)
        else if (what === ADD) headers.append(grant.name, value)
        else headers.delete(grant.key)
      }
      return OK
    },
  }
}

function readEdits(form: FormReader, grantOf: (name: string) => NameGrant): Edit[] {
  const edits: Edit[] = []
  for (let left = form.number(); left > 0; left--) {
    const what = form.number()
    if (what !== SET && what !== ADD && what !== REMOVE) throw outputFault(`${what} is no edit of a head`)
    const grant = grantOf(form.text())
    if (grant.forbidden) throw outputFault(`the field ${JSON.stringify(grant.name)} may not be written`)
    edits.push({ what, grant, value: what === REMOVE ? '' : form.text() })
  }
  form.finish()
  return edits
}
