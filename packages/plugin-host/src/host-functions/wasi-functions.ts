/** The few functions of WASI that do something; all others say that they are not there. */
import { BAD_DESCRIPTOR, NOT_IMPLEMENTED, WASI_TYPES } from '../abi/wasi.ts'
import type { HostFunction } from '../runtime/plugin-runtime.ts'
import { type Guest, PRICE } from './guest.ts'
import { logLine } from './log-line.ts'

/** Thrown by `proc_exit`, to unwind the guest. 0 is how a `main` that has done its part may end. */
export class GuestExit extends Error {
  override readonly name = 'GuestExit'
  readonly status: number

  constructor(status: number) {
    super(`it has exited with status ${status}`)
    this.status = status
  }
}

const OK = 0
const STDOUT = 1
const STDERR = 2
const REALTIME = 0
const NANOSECONDS = 1e6
const MAX_VECTORS = 1_024
const MAX_RANDOM_BYTES = 65_536

const missing: HostFunction = () => NOT_IMPLEMENTED
const noDescriptor: HostFunction = () => BAD_DESCRIPTOR

export function wasiFunctions(guest: Guest): Readonly<Record<string, HostFunction>> {
  const { memory, services } = guest
  const { clock, random } = services
  const nothing = (count: number, size: number): number => {
    memory.part(count, 4).writeUInt32LE(0)
    memory.part(size, 4).writeUInt32LE(0)
    return OK
  }
  const own: Record<string, HostFunction> = {
    args_get: () => OK,
    args_sizes_get: nothing,
    environ_get: () => OK,
    environ_sizes_get: nothing,
    clock_time_get: (id: number, _precision: bigint, at: number) => {
      const ms = id === REALTIME ? clock.wallTime() : clock.now()
      memory.part(at, 8).writeBigUInt64LE(BigInt(Math.max(0, Math.round(ms * NANOSECONDS))))
      return OK
    },
    fd_close: noDescriptor,
    fd_fdstat_get: noDescriptor,
    // The end of the list of directories: there are none.
    fd_prestat_get: noDescriptor,
    fd_prestat_dir_name: noDescriptor,
    fd_read: noDescriptor,
    fd_seek: noDescriptor,
    fd_write: (descriptor: number, vectors: number, count: number, writtenAt: number) => {
      if (descriptor !== STDOUT && descriptor !== STDERR) return BAD_DESCRIPTOR
      if (count >>> 0 > MAX_VECTORS) return NOT_IMPLEMENTED
      guest.spend(PRICE.line + 10 * (count >>> 0))
      const list = memory.part(vectors, 8 * count)
      const parts: Buffer[] = []
      let written = 0
      for (let i = 0; i < count; i++) {
        const part = memory.part(list.readUInt32LE(8 * i), list.readUInt32LE(8 * i + 4))
        guest.charge(part.length)
        written += part.length
        parts.push(part)
      }
      memory.part(writtenAt, 4).writeUInt32LE(written)
      const line = Buffer.concat(parts)
      const end = line.at(-1) === 0x0a ? line.length - 1 : line.length
      if (end > 0) logLine(guest, descriptor === STDERR ? 'warn' : 'info', line.subarray(0, end))
      return OK
    },
    proc_exit: (status: number) => {
      throw new GuestExit(status)
    },
    random_get: (at: number, length: number) => {
      if (length >>> 0 > MAX_RANDOM_BYTES) return NOT_IMPLEMENTED
      const bytes = memory.part(at, length)
      guest.spend(4 * bytes.length)
      for (let i = 0; i < bytes.length; i++) bytes[i] = random() * 256
      return OK
    },
    sched_yield: () => OK,
  }
  return Object.fromEntries(Object.keys(WASI_TYPES).map((name) => [name, own[name] ?? missing]))
}
