/** What a plugin says on its own: a local reply, a result for those further inside, and what it keeps of the exchange. */
import { Reply } from '@sluice/core'
import { Body, HeaderList } from '@sluice/wire'
import { FormReader } from '../abi/binary-form.ts'
import { type HostFunctions, INVALID, LIMIT, MISSING, OK } from '../abi/sluice-v1.ts'
import { outputFault } from '../fault.ts'
import { type Guest, PRICE } from './guest.ts'

type Names = 'respond' | 'set_result' | 'get_state' | 'set_state' | 'get_config'

export function replyFunctions(guest: Guest): Pick<HostFunctions, Names> {
  const { memory, names, call, services } = guest
  const { capabilities, limits, configJson } = services.manifest
  return {
    respond: (status, headersPtr, headersLength, body, bodyLength) => {
      if (!capabilities.respond) return guest.denied()
      if (call.writable < 0) return INVALID
      if (status < 200 || status > 599) throw outputFault(`${status} is no status of a reply`)
      guest.spend(PRICE.head)
      call.spendHeader(headersLength >>> 0)
      call.spendOutput(bodyLength >>> 0)
      guest.charge(bodyLength >>> 0)
      const headers = new HeaderList()
      if (headersLength !== 0) {
        const form = new FormReader(memory.part(headersPtr, headersLength))
        const flat = form.fields()
        form.finish()
        for (let i = 0; i < flat.length; i += 2) {
          if (names.make(flat[i]!).forbidden)
            throw outputFault(`the field ${JSON.stringify(flat[i])} may not be written`)
          headers.append(flat[i]!, flat[i + 1]!)
        }
      }
      call.localReply = new Reply(status, headers, Body.of(memory.copy(body, bodyLength)))
      return OK
    },
    set_result: (ptr, length) => {
      if (call.state === undefined) return INVALID
      call.spendOutput(length >>> 0)
      // Some 10 ns a byte.
      guest.spend(PRICE.head + 4 * (length >>> 0))
      try {
        call.state.result = JSON.parse(memory.utf8(ptr, length)) as unknown
      } catch (error) {
        if (error instanceof SyntaxError) return INVALID
        throw error
      }
      return OK
    },
    get_state: (buffer, capacity) => {
      if (call.state === undefined) return INVALID
      const { state } = call.state
      return state === undefined ? MISSING : memory.writeBytes(state, buffer, capacity)
    },
    set_state: (ptr, length) => {
      if (call.state === undefined) return INVALID
      if (length >>> 0 > limits.stateBytes) return LIMIT
      guest.charge(length >>> 0)
      call.state.state = memory.copy(ptr, length)
      return OK
    },
    get_config: (buffer, capacity) => memory.writeBytes(configJson, buffer, capacity),
  }
}
