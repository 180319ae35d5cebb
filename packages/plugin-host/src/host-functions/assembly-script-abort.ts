/** `env.abort`, which AssemblyScript imports to fail with a message: a trap that says it. */
import { PluginError } from '@sluice/core'
import type { Guest } from './guest.ts'

const MAX_MESSAGE_BYTES = 1_024

/** The four numbers are the message, the file, the line and the column; texts lie behind their length, in UTF-16. */
export function assemblyScriptAbort(guest: Guest): (...args: number[]) => number {
  return (message, file, line, column) => {
    const what = textAt(guest, message) || 'abort'
    const where = textAt(guest, file)
    throw new PluginError('ERR_SLUICE_PLUGIN_TRAP', {
      message: where === '' ? what : `${what} (${where}:${line}:${column})`,
    })
  }
}

function textAt({ memory }: Guest, ptr: number): string {
  if (ptr >>> 0 < 4) return ''
  const length = Math.min(memory.part(ptr - 4, 4).readUInt32LE(), MAX_MESSAGE_BYTES)
  return memory.part(ptr, length).toString('utf16le')
}
