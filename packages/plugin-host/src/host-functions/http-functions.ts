/** Calls to other hosts: begun here, ended in `on_http_reply`. */
import { FormReader } from '../abi/binary-form.ts'
import { type HostFunctions, INVALID, MISSING } from '../abi/sluice-v1.ts'
import type { OutboundRequest } from '../http/plugin-http.ts'
import { type Guest, PRICE } from './guest.ts'

type Names = 'http_request' | 'http_reply_head' | 'http_reply_body' | 'http_error'

export function httpFunctions(guest: Guest): Pick<HostFunctions, Names> {
  const { memory, names, call, services } = guest
  const { http } = services
  return {
    http_request: (ptr, length) => {
      if (http === undefined) return guest.denied()
      if (call.hook === 'on_init') return INVALID
      guest.spend(PRICE.call + (length >>> 0))
      const request = readRequest(new FormReader(memory.part(ptr, length)))
      for (let i = 0; i < request.fields.length; i += 2) {
        const { forbidden, key } = names.make(request.fields[i]!)
        if (forbidden || key === 'host' || key === 'expect') return INVALID
      }
      const result = http.begin(request, call.http)
      return result === -2 ? guest.denied() : result
    },
    http_reply_head: (number, buffer, capacity) => {
      const reply = call.http.reply(number)
      if (reply === undefined) return MISSING
      const { fields } = reply
      return memory.writeForm([fields.length / 2, ...fields], buffer, capacity)
    },
    http_reply_body: (number, offset, buffer, capacity) => {
      const reply = call.http.reply(number)
      if (reply === undefined) return MISSING
      const copied = memory.writePart(reply.body, offset, buffer, capacity)
      guest.charge(copied)
      return copied
    },
    http_error: (number, buffer, capacity) => {
      const problem = call.http.problem(number)
      return problem === undefined ? MISSING : memory.writeUtf8(problem, buffer, capacity)
    },
  }
}

function readRequest(form: FormReader): OutboundRequest {
  const method = form.text()
  const url = form.text()
  const timeoutMs = form.number()
  const fields = form.fields()
  const body = form.bytes()
  form.finish()
  return { method, url, timeoutMs, fields, body }
}
