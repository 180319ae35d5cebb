/**
 * Extism gives a module WASI (Node's) and its own functions, HTTP among them, whatever else it is handed under those names. So a module
 * imports them under other names, of the same length, and gets this package's.
 */
import { ByteReader } from '../wasm/byte-reader.ts'

const HEADER_BYTES = 8
const IMPORT_SECTION = 2
const MARK = '~'
const DETACHED = ['wasi_snapshot_preview1', 'extism:host/env']

/** The name under which a module imports what it calls `module`. */
export function detachedName(module: string): string {
  return DETACHED.includes(module) ? MARK + module.slice(1) : module
}

/** Renames in place. The module must be valid, and import nothing but functions. */
export function detachHosts(module: Uint8Array): void {
  const reader = new ByteReader(module, HEADER_BYTES, module.length)
  while (reader.at < module.length) {
    const id = reader.u8()
    const end = reader.u32() + reader.at
    if (id === IMPORT_SECTION) renameImports(module, new ByteReader(module, reader.at, end))
    reader.at = end
  }
}

function renameImports(module: Uint8Array, reader: ByteReader): void {
  const bytes = Buffer.from(module.buffer, module.byteOffset, module.length)
  for (let left = reader.u32(); left > 0; left--) {
    const length = reader.u32()
    const name = bytes.toString('latin1', reader.at, reader.at + length)
    bytes.write(detachedName(name), reader.at, 'latin1')
    reader.at += length
    const fieldLength = reader.u32()
    reader.at += fieldLength
    // The kind and the type's index.
    reader.u8()
    reader.u32()
  }
}
