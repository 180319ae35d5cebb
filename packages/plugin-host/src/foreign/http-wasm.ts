/**
 * The HTTP handler ABI of http-wasm (http-wasm.io/http-handler-abi), which Traefik and Dapr run: what a guest of it exports and imports.
 */
import { type ForeignInterface, importsOf } from '../abi/foreign-interface.ts'
import { HTTP_HANDLER, HTTP_HANDLER_TYPES } from '../abi/http-wasm.ts'
import { WASI_IMPORTS, WASI_MODULE } from '../abi/wasi.ts'
import { wasiFunctions } from '../host-functions/wasi-functions.ts'
import { HttpWasmGuest } from './http-wasm-guest.ts'

export const httpWasm: ForeignInterface = {
  exports: {
    handle_request: { hook: 'on_request_head', type: '() -> i64' },
    handle_response: { hook: 'on_response_head', type: '(i32, i32) -> ()' },
  },
  imports: { [HTTP_HANDLER]: importsOf(HTTP_HANDLER_TYPES), [WASI_MODULE]: WASI_IMPORTS },
  hearsErrors: true,
  bind(guest) {
    const bound = new HttpWasmGuest(guest)
    const imports = { [HTTP_HANDLER]: bound.functions, [WASI_MODULE]: wasiFunctions(guest) }
    return { imports, hooks: (exports) => bound.hooks(exports) }
  },
}
