/** AssemblyScript: TypeScript's syntax, WebAssembly's types. Hooks are exported functions. */
import { CONTINUE, config, reply, request, respond } from '@sluice/plugin-host/pdk/as'

let greeting: string = ''

/** Once for each instance. What it makes of the configuration stays; what belongs to an exchange does not (see `setState`). */
export function on_init(): i32 {
  greeting = config().get('greeting').text()
  return CONTINUE
}

export function on_request_head(): i32 {
  if (request.has('x-forbidden')) return respond(403, 'this is forbidden\n')
  return CONTINUE
}

export function on_response_head(): i32 {
  reply.set('x-greeting', greeting)
  return CONTINUE
}
