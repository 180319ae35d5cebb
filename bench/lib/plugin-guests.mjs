/** Plugins to measure, in WebAssembly's text form: nothing of a compiler's is in their figures. */
import wabt from 'wabt'

const NAMES = ['user-agent', 'accept', 'cookie', 'x-plugin', 'seen by a plugin']
const HEADER = '(param i32 i32 i32 i32 i32) (result i32)'
const BUFFER = 8_192

const { parseWat } = await wabt()

/** Where a text of {@link NAMES} lies, as address and length. */
function text(index) {
  const at = 1_024 + 64 * index
  return `(i32.const ${at}) (i32.const ${NAMES[index].length})`
}

const read = (index) => `(drop (call $get (i32.const 0) ${text(index)} (i32.const ${BUFFER}) (i32.const 4096)))`
const write = `(drop (call $set (i32.const 0) ${text(3)} ${text(4)}))`
const hook = (name, code, parameters = '') =>
  `(func (export "${name}") ${parameters} (result i32) ${code} (i32.const 0))`
const body = '(param $length i32) (param $isLast i32)'
const readBody = '(drop (call $body (i32.const 0) (i32.const 0) (i32.const 16384) (local.get $length)))'
/** One edit: sets the fourth name to the fifth. */
const EDIT = [1, 0, NAMES[3], NAMES[4]]

/** By the name of a row: its code, and what it has to be granted beyond all fields. */
export const guests = {
  'nothing: no plugin in the route': undefined,
  'a hook that does nothing': { code: hook('on_request_head', '') },
  'one field read': { code: hook('on_request_head', read(0)) },
  'three fields read, one set': { code: hook('on_request_head', read(0) + read(1) + read(2) + write) },
  'the head in one piece, one edit': {
    code: hook(
      'on_request_head',
      `(drop (call $head (i32.const 0) (i32.const ${BUFFER}) (i32.const 4096)))
       (drop (call $edit (i32.const 0) (i32.const 2048) (i32.const ${formOf(EDIT).length})))`,
    ),
  },
  'both head hooks, one field read in each': {
    code: hook('on_request_head', read(0)) + hook('on_response_head', read(0)),
  },
  'a body of 1 KiB, read': { code: hook('on_request_body', readBody, body), requestBody: 'buffer', bodyBytes: 1_024 },
  'a body of 64 KiB, read': { code: hook('on_request_body', readBody, body), requestBody: 'buffer', bodyBytes: 65_536 },
}

/** Spins where the request has the fourth name. */
export const spinning = {
  code: hook(
    'on_request_head',
    `(if (i32.ge_s (call $get (i32.const 0) ${text(3)} (i32.const ${BUFFER}) (i32.const 9)) (i32.const 0))
      (then (loop (br 0))))`,
  ),
}

/** The module of a row. */
export function assemble({ code }) {
  const data = NAMES.map((name, i) => `(data (i32.const ${1_024 + 64 * i}) "${name}")`).join('')
  const edit = [...formOf(EDIT)].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')
  const module = parseWat(
    'guest.wat',
    `(module
      (import "sluice" "get_header" (func $get ${HEADER}))
      (import "sluice" "set_header" (func $set ${HEADER}))
      (import "sluice" "get_head" (func $head (param i32 i32 i32) (result i32)))
      (import "sluice" "edit_head" (func $edit (param i32 i32 i32) (result i32)))
      (import "sluice" "get_body" (func $body (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 2) ${data} (data (i32.const 2048) "${edit}") ${code})`,
  )
  const { buffer } = module.toBinary({})
  module.destroy()
  return buffer
}

function formOf(parts) {
  const buffers = parts.flatMap((part) => {
    const head = Buffer.alloc(4)
    head.writeUInt32LE(typeof part === 'number' ? part : part.length)
    return typeof part === 'number' ? [head] : [head, Buffer.from(part)]
  })
  return Buffer.concat(buffers)
}
