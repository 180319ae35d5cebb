/** Guests of other interfaces for tests, in WebAssembly's text form. */
import { onTestFinished } from 'vitest'
import { EXTISM_TYPES, KERNEL_TYPES } from '../../src/abi/extism-json.ts'
import { HTTP_HANDLER_TYPES } from '../../src/abi/http-wasm.ts'
import { WASI_TYPES } from '../../src/abi/wasi.ts'
import { createPluginHarness, type HarnessManifest, type HarnessOptions, type PluginHarness } from '../../src/index.ts'
import { assemble } from '../guest.ts'

const TYPES: Readonly<Record<string, string>> = { i: 'i32', I: 'i64' }
const TEXTS_AT = 1_024
/** Where these guests let the host write to. */
export const BUFFER = 8_192

/** What stands in a guest: texts by name, `{name}` being address and length of one; and its code. */
export interface ForeignSource {
  readonly texts?: Readonly<Record<string, string>>
  readonly code: string
}

function imports(module: string, table: Readonly<Record<string, string>>, code: string): string {
  return Object.entries(table)
    .filter(([name]) => new RegExp(`\\$${name}\\b`).test(code))
    .map(([name, short]) => {
      const [parameters = '', result = ''] = short.split('>')
      const list = parameters.split('').map((each) => TYPES[each])
      const gives = result === '' ? '' : `(result ${TYPES[result]})`
      return `(import "${module}" "${name}" (func $${name} (param ${list.join(' ')}) ${gives}))`
    })
    .join('\n')
}

function build(tables: Readonly<Record<string, Readonly<Record<string, string>>>>, source: ForeignSource): Uint8Array {
  let { code } = source
  let at = TEXTS_AT
  const data: string[] = []
  for (const [name, text] of Object.entries(source.texts ?? {})) {
    const bytes = [...Buffer.from(text, 'latin1')]
    data.push(`(data (i32.const ${at}) "${bytes.map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')}")`)
    code = code
      .replaceAll(`{${name}}`, `(i32.const ${at}) (i32.const ${bytes.length})`)
      .replaceAll(`{${name}.ptr}`, String(at))
      .replaceAll(`{${name}.length}`, String(bytes.length))
    at += bytes.length + 8
  }
  const all = Object.entries(tables).map(([module, table]) => imports(module, table, code))
  return assemble(`(module ${all.join('\n')} (memory (export "memory") 2) ${data.join('\n')} ${code})`)
}

/** A guest of http-wasm. `{buf}` stands for an address. */
export function httpWasmGuest(source: ForeignSource): Uint8Array {
  const code = source.code.replaceAll('{buf}', `(i32.const ${BUFFER})`)
  return build({ http_handler: HTTP_HANDLER_TYPES, wasi_snapshot_preview1: WASI_TYPES }, { ...source, code })
}

/** Copies a text of the guest's into a block of Extism's, and a block into the guest. */
const EXTISM_LIBRARY = `
  (func $block (param $from i32) (param $length i32) (result i64)
    (local $to i64) (local $i i32)
    (local.set $to (call $alloc (i64.extend_i32_u (local.get $length))))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $length)))
      (call $store_u8 (i64.add (local.get $to) (i64.extend_i32_u (local.get $i)))
        (i32.load8_u (i32.add (local.get $from) (local.get $i))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
    (local.get $to))
  (func $give (param $from i32) (param $length i32)
    (call $output_set (call $block (local.get $from) (local.get $length)) (i64.extend_i32_u (local.get $length))))
  (func $echo
    (local $to i64) (local $i i64)
    (local.set $to (call $alloc (call $input_length)))
    (block $done (loop $next
      (br_if $done (i64.ge_u (local.get $i) (call $input_length)))
      (call $store_u64 (i64.add (local.get $to) (local.get $i)) (call $input_load_u64 (local.get $i)))
      (local.set $i (i64.add (local.get $i) (i64.const 8)))
      (br $next)))
    (call $var_set (call $block (i32.const 1000) (i32.const 4)) (local.get $to))
    (call $log_info (local.get $to)))`

/** A classic plugin of Extism. `(call $give {text})` sets its output, `(call $echo)` logs its input. */
export function extismGuest(source: ForeignSource): Uint8Array {
  const code = `${EXTISM_LIBRARY} (data (i32.const 1000) "last") ${source.code}`
  const tables = { 'extism:host/env': { ...KERNEL_TYPES, ...EXTISM_TYPES }, wasi_snapshot_preview1: WASI_TYPES }
  return build(tables, { ...source, code })
}

/** Closed when the test ends. */
export async function harness(
  abi: 'extism-json' | 'http-wasm',
  bytes: Uint8Array,
  manifest: HarnessManifest = {},
  options: HarnessOptions = {},
): Promise<PluginHarness> {
  const made = await createPluginHarness(bytes, { abi, ...manifest }, options)
  onTestFinished(() => made.close())
  return made
}
