/**
 * Extism's functions beside those of `sluice:v1`, for plugins that are written with one of its kits and have our hooks: configuration,
 * variables, lines and blocks. In a body's hook the input is the body at hand, and what is set as output takes its place.
 */
import { EXTISM_MODULE } from '../abi/extism-json.ts'
import type { BoundGuest, Hook } from '../abi/foreign-interface.ts'
import { HOOK_NAMES } from '../abi/sluice-v1.ts'
import { outputFault } from '../fault.ts'
import type { Guest } from '../host-functions/guest.ts'
import { writeBody } from '../host-functions/message-edits.ts'
import { extismFunctions, type ExtismOutput } from './extism-functions.ts'
import { ROOM_BYTES } from './extism-json.ts'
import { ExtismKernel } from './extism-kernel.ts'

const NO_BYTES = new Uint8Array(0)

/** Adds them to what a guest is bound to. */
export function withExtism(guest: Guest, bound: BoundGuest): BoundGuest {
  const { limits } = guest.services.manifest
  const { call } = guest
  const kernel = new ExtismKernel(limits.bodyBytes + limits.outputBytes + ROOM_BYTES)
  const output: ExtismOutput = { at: 0, length: 0, error: 0 }
  const around =
    (hook: Hook, isResumption: boolean): Hook =>
    (first, second) => {
      // What a hook has laid down before it paused is there when it goes on.
      if (!isResumption) {
        const input = call.body ?? NO_BYTES
        guest.charge(input.length)
        kernel.beginBytes(input)
        output.at = output.length = output.error = 0
      }
      const result = hook(first, second)
      if (output.error !== 0) throw outputFault(kernel.text(output.error))
      if (output.at !== 0) takeOutput(guest, kernel, output)
      return result
    }
  return {
    imports: {
      ...bound.imports,
      [EXTISM_MODULE]: { ...kernel.functions, ...extismFunctions(guest, kernel, output) },
    },
    hooks(exports) {
      const hooks = bound.hooks(exports)
      return Object.fromEntries(
        HOOK_NAMES.flatMap((name) => {
          const hook = hooks[name]
          return hook === undefined ? [] : [[name, around(hook, name === 'on_http_reply')]]
        }),
      )
    },
  }
}

function takeOutput(guest: Guest, kernel: ExtismKernel, { at, length }: ExtismOutput): void {
  const { call } = guest
  if (call.body === undefined || call.bodyKind === -1) return
  call.spendOutput(length)
  guest.charge(length)
  writeBody(guest, call.bodyKind, Uint8Array.from(kernel.part(at, length)))
}
