/** Guests for tests, written in WebAssembly's text form. */
import wabt from 'wabt'
import { HOST_FUNCTIONS } from '../src/abi/sluice-v1.ts'

const { parseWat } = await wabt()

/** Assembles a whole module. */
export function assemble(wat: string): Uint8Array {
  const module = parseWat('guest.wat', wat, { bulk_memory: true, sign_extension: true, mutable_globals: true })
  const { buffer } = module.toBinary({})
  module.destroy()
  return buffer
}

/** Texts that a guest's code names: `$name` becomes its address and length. */
export interface GuestSource {
  /** By name; each is put into memory from 1,024 on. Bytes as latin1. */
  readonly texts?: Readonly<Record<string, string>>
  /** Functions, and whatever else a module has. */
  readonly code: string
  /** Pages at first. @default 2 */
  readonly pages?: number
  /** The largest number of pages the module declares. */
  readonly maxPages?: number
}

const TYPES = { i: 'i32', d: 'f64' } as const
const TEXTS_AT = 1_024
/** Where guests of these tests let the host write to. */
export const BUFFER = 16_384

/**
 * A module with those imports of `sluice` that its code calls, its texts in memory, and `memory` exported. In the code
 * `"{name}"` stands for the address and the length of a text, `{buf}` for an address with 16 KiB of room.
 */
export function guest({ texts = {}, code, pages = 2, maxPages }: GuestSource): Uint8Array {
  const imports = Object.entries(HOST_FUNCTIONS)
    .filter(([name]) => new RegExp(`\\$${name}\\b`).test(code))
    .map(([name, { parameters, result }]) => {
      const list = parameters.map((type) => TYPES[type]).join(' ')
      const params = list === '' ? '' : `(param ${list})`
      return `(import "sluice" "${name}" (func $${name} ${params} (result ${TYPES[result]})))`
    })
  let at = TEXTS_AT
  const data: string[] = []
  let body = code.replaceAll('{buf}', `(i32.const ${BUFFER})`)
  for (const [name, text] of Object.entries(texts)) {
    const bytes = Buffer.from(text, 'latin1')
    const escaped = [...bytes].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')
    data.push(`(data (i32.const ${at}) "${escaped}")`)
    body = body.replaceAll(`{${name}}`, `(i32.const ${at}) (i32.const ${bytes.length})`)
    body = body.replaceAll(`{${name}.ptr}`, `(i32.const ${at})`)
    at += bytes.length + 8
  }
  const unknown = /\{[\w.]+\}/.exec(body)
  if (unknown !== null) throw new Error(`the guest names ${unknown[0]}, which is no text of it`)
  return assemble(
    `(module ${imports.join('\n')} (memory (export "memory") ${pages} ${maxPages ?? ''}) ${data.join('\n')} ${body})`,
  )
}

/** A hook that runs these instructions and returns 0. */
export function hook(name: string, instructions: string, result = 0): string {
  const params = name.endsWith('_body') || name === 'on_http_reply' ? '(param $a i32) (param $b i32)' : ''
  return `(func (export "${name}") ${params} (result i32) ${instructions} (i32.const ${result}))`
}

/** A binary form of the interface: numbers and texts with their lengths. */
export function form(...parts: readonly (number | string)[]): string {
  const buffers = parts.map((part) => {
    const bytes = typeof part === 'number' ? Buffer.alloc(0) : Buffer.from(part, 'latin1')
    const head = Buffer.alloc(4)
    head.writeUInt32LE(typeof part === 'number' ? part : bytes.length)
    return Buffer.concat([head, bytes])
  })
  return Buffer.concat(buffers).toString('latin1')
}
