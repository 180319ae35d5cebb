/**
 * Extism calls `_initialize`, `_start` and `hs_init` as soon as it has made an instance: before there is any fuel, and with a memory
 * that host functions don't know yet. So these exports are renamed in the metered module, to names of the same length, and
 * called when all is ready, after the start function.
 */
import { ByteReader } from '../wasm/byte-reader.ts'
import type { WasmExports } from '../wasm/engine.ts'

const HEADER_BYTES = 8
const EXPORT_SECTION = 7
const DEFERRED = ['_initialize', '_start', 'hs_init']
const MARK = '~'

/** Renames them in place. The module must be valid. */
export function deferStart(module: Uint8Array): void {
  const reader = new ByteReader(module, HEADER_BYTES, module.length)
  while (reader.at < module.length) {
    const id = reader.u8()
    const end = reader.u32() + reader.at
    if (id === EXPORT_SECTION) renameExports(module, new ByteReader(module, reader.at, end))
    reader.at = end
  }
}

function renameExports(module: Uint8Array, reader: ByteReader): void {
  for (let left = reader.u32(); left > 0; left--) {
    const length = reader.u32()
    const { at } = reader
    const name = Buffer.from(module.buffer, module.byteOffset + at, length).toString('latin1')
    if (DEFERRED.includes(name)) module[at] = MARK.charCodeAt(0)
    reader.at = at + length
    // The kind and the index.
    reader.u8()
    reader.u32()
  }
}

/** Runs what was put off, with the fuel that the instance has. */
export function runDeferred(exports: WasmExports): void {
  for (const name of DEFERRED) {
    const start = exports[MARK + name.slice(1)]
    if (typeof start === 'function') (start as () => void)()
  }
}
