import { PluginError } from '@sluice/core'
import { EXTISM_IMPORTS, EXTISM_MODULE } from '../abi/extism-json.ts'
/**
 * Classic Extism plugins with the functions of the Rust proxy "simple-proxy": `on_request` and `on_response` get JSON as their input, and
 * what is to be changed they give as JSON.
 */
import type { BoundGuest, ForeignInterface } from '../abi/foreign-interface.ts'
import { CONTINUE } from '../abi/sluice-v1.ts'
import { WASI_IMPORTS, WASI_MODULE } from '../abi/wasi.ts'
import { type Guest, PRICE } from '../host-functions/guest.ts'
import { wasiFunctions } from '../host-functions/wasi-functions.ts'
import { applyToReply, applyToRequest } from './apply-delta.ts'
import { extismFunctions, type ExtismOutput } from './extism-functions.ts'
import { ExtismKernel } from './extism-kernel.ts'
import { replyJson, requestJson } from './head-json.ts'
import { readDelta } from './read-delta.ts'

/** Beside what a call may give as output: keys, lines, and what kits allocate on the way. */
export const ROOM_BYTES = 262_144
/** Parsing and writing JSON, for each byte. */
const FUEL_PER_BYTE = 4

export const extismJson: ForeignInterface = {
  exports: {
    on_request: { hook: 'on_request_head', type: '() -> i32' },
    on_response: { hook: 'on_response_head', type: '() -> i32' },
  },
  imports: {
    [EXTISM_MODULE]: EXTISM_IMPORTS,
    [WASI_MODULE]: WASI_IMPORTS,
  },
  hearsErrors: false,
  bind,
}

function bind(guest: Guest): BoundGuest {
  const { limits } = guest.services.manifest
  const kernel = new ExtismKernel(limits.outputBytes + ROOM_BYTES)
  const output: ExtismOutput = { at: 0, length: 0, error: 0 }
  const call = (run: () => number, input: string): unknown => {
    kernel.begin(input)
    output.at = output.length = output.error = 0
    guest.spend(PRICE.head)
    const result = run()
    if (result !== 0) {
      const why = kernel.text(output.error) || `it returned ${result}`
      throw new PluginError('ERR_SLUICE_PLUGIN_TRAP', { message: why })
    }
    guest.spend(PRICE.head + FUEL_PER_BYTE * output.length)
    return kernel.text(output.at, output.length)
  }
  return {
    imports: {
      [EXTISM_MODULE]: { ...kernel.functions, ...extismFunctions(guest, kernel, output) },
      [WASI_MODULE]: wasiFunctions(guest),
    },
    hooks(exports) {
      const onRequest = exports['on_request'] as (() => number) | undefined
      const onResponse = exports['on_response'] as (() => number) | undefined
      return {
        ...(onRequest && {
          on_request_head: () => applyToRequest(guest, readDelta(call(onRequest, requestJson(guest)))),
        }),
        ...(onResponse && {
          on_response_head: () => {
            applyToReply(guest, readDelta(call(onResponse, replyJson(guest))))
            return CONTINUE
          },
        }),
      }
    },
  }
}
