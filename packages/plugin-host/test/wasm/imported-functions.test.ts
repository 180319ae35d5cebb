/** A real module that calls the host a lot, through tables too: llhttp, as undici ships it, compiled from C. */
import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import type { WasmImports } from '../../src/wasm/engine.ts'
import { meterModule } from '../../src/wasm/meter-module.ts'
import { Guest } from './guest.ts'
import { dice, type Dice } from './inputs.ts'

const plain = createRequire(import.meta.url)('undici/lib/llhttp/llhttp_simd-wasm.js') as Uint8Array
const metered = meterModule(plain, { maxPages: 256 })

const CALLBACKS = [
  'message_begin',
  'url',
  'status',
  'header_field',
  'header_value',
  'headers_complete',
  'body',
  'message_complete',
]

/** What the parser said of one message, as text. */
function parse(message: Uint8Array, module: Uint8Array): { readonly said: string; readonly spent: number } {
  const said: string[] = []
  const note = (name: string) => (_parser: number, place: number, length: number) => {
    const isText = length !== undefined && name !== 'headers_complete'
    said.push(isText ? `${name} ${Buffer.from(guest.memory.buffer, place, length).toString('latin1')}` : name)
    return 0
  }
  const imports: WasmImports = { env: Object.fromEntries(CALLBACKS.map((name) => [`wasm_on_${name}`, note(name)])) }
  const isMetered = module === metered
  const guest: Guest = new Guest(module, imports, isMetered)
  guest.call('_initialize')
  const parser = guest.call('llhttp_alloc', 2)
  const place = guest.call('malloc', message.length) as number
  new Uint8Array(guest.memory.buffer).set(message, place)
  said.push(guest.outcome('llhttp_execute', parser as number, place, message.length))
  const spent = isMetered ? guest.spent : 0
  said.push(guest.outcome('llhttp_get_error_pos', parser as number), guest.fingerprint)
  return { said: said.join('\n'), spent }
}

function reply(roll: Dice): Buffer {
  const body = 'x'.repeat(roll(200))
  const fields = Array.from(
    { length: roll(12) },
    (_, index) => `x-field-${index}: ${'value '.repeat(roll(9))}\r\n`,
  ).join('')
  const isChunked = roll(2) === 0
  const framing = isChunked ? 'transfer-encoding: chunked' : `content-length: ${body.length}`
  const content = isChunked ? `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body
  const bytes = Buffer.from(`HTTP/1.1 200 fine\r\n${fields}${framing}\r\n\r\n${content}`)
  if (roll(3) === 0) bytes[roll(bytes.length)] = roll(256)
  return bytes
}

test('it calls the host with the same, and has the same memory', () => {
  const roll = dice(5)
  const lengths = new Set<number>()
  for (let round = 0; round < 30; round++) {
    const message = reply(roll)
    const { said, spent } = parse(message, metered)
    expect(said).toBe(parse(message, plain).said)
    expect(spent).toBe(parse(message, metered).spent)
    expect(spent).toBeGreaterThan(100)
    lengths.add(said.split('\n').length)
  }
  expect(lengths.size).toBeGreaterThan(10)
})
