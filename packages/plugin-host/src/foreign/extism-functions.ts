/**
 * What Extism's kits import beside the movement of bytes: blocks, configuration, variables, lines. Its HTTP is not there: a call would
 * stand still until the reply is there, and with it the proxy.
 */
import type { ExtismFunctions } from '../abi/extism-json.ts'
import { addressFault, limitFault, outputFault } from '../fault.ts'
import { type Guest, type LogLevel, PRICE } from '../host-functions/guest.ts'
import { logLine } from '../host-functions/log-line.ts'
import type { ExtismKernel } from './extism-kernel.ts'

/** What a call leaves behind. */
export interface ExtismOutput {
  /** What was set as output. */
  at: number
  length: number
  /** What was set as error. */
  error: number
}

/** Of Extism's levels, that of trace: nothing is held back by the guest. */
const ALL_LEVELS = 0
const NOTHING = 0n

export function extismFunctions(guest: Guest, kernel: ExtismKernel, output: ExtismOutput): ExtismFunctions {
  const { limits } = guest.services.manifest
  const config = configTexts(guest)
  const { variables } = guest.services
  const keyAt = (at: bigint): string => {
    guest.spend(PRICE.store)
    return kernel.text(numberOf(at))
  }
  const line =
    (level: LogLevel) =>
    (at: bigint): void => {
      const from = numberOf(at)
      logLine(guest, level, kernel.part(from, kernel.lengthOf(from)))
    }
  return {
    alloc: (length: bigint) => BigInt(kernel.allocate(numberOf(length))),
    free: (at: bigint) => kernel.free(numberOf(at)),
    length: (at: bigint) => BigInt(kernel.lengthOf(numberOf(at))),
    length_unsafe: (at: bigint) => BigInt(kernel.lengthOf(numberOf(at))),
    output_set: (at: bigint, length: bigint) => {
      output.at = numberOf(at)
      output.length = numberOf(length)
      if (output.length > limits.outputBytes) throw limitFault(`a call writes more than ${limits.outputBytes} bytes`)
    },
    error_set: (at: bigint) => {
      output.error = numberOf(at)
    },
    error_get: () => BigInt(output.error),
    config_get: (at: bigint) => {
      const value = config.get(keyAt(at))
      return value === undefined ? NOTHING : BigInt(kernel.store(value))
    },
    var_get: (at: bigint) => {
      const value = variables.get(keyAt(at))
      if (value === undefined) return NOTHING
      guest.charge(value.length)
      return BigInt(kernel.store(value))
    },
    var_set: (at: bigint, valueAt: bigint) => {
      const key = keyAt(at)
      const from = numberOf(valueAt)
      if (from === 0) return variables.delete(key)
      const length = kernel.lengthOf(from)
      guest.charge(length)
      variables.set(key, Uint8Array.from(kernel.part(from, length)))
    },
    http_request: () => {
      throw outputFault("Extism's HTTP is not there: an exchange would wait for it, and every other as well")
    },
    http_status_code: () => 0,
    http_headers: () => NOTHING,
    log_trace: line('trace'),
    log_debug: line('debug'),
    log_info: line('info'),
    log_warn: line('warn'),
    log_error: line('error'),
    get_log_level: () => ALL_LEVELS,
  }
}

/** Addresses are 64 bits wide; the kernel's memory has 32. */
function numberOf(value: bigint): number {
  const number = Number(BigInt.asUintN(64, value))
  if (number > 0xffffffff) throw addressFault()
  return number
}

/** Each key of the configuration as Extism has it: text as it is, all else as JSON. */
function configTexts({ services }: Guest): ReadonlyMap<string, Uint8Array> {
  const config: unknown = JSON.parse(Buffer.from(services.manifest.configJson).toString())
  if (typeof config !== 'object' || config === null || Array.isArray(config)) return new Map()
  return new Map(
    Object.entries(config).map(([key, value]) => [
      key,
      Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
    ]),
  )
}
