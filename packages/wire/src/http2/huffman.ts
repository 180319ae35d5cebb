/**
 * The Huffman code of HPACK (RFC 7541, section 5.2 and appendix B), decoded four bits at a time. The code is canonical: the
 * symbols by the length of their codes are all there is to know of it.
 */
import { latin1Slice } from '../http1/latin1.ts'

const END = 256
/** Symbols by the number of bits of their codes; within one length in order. A range is `[first, last]`. */
const SYMBOLS: Readonly<Record<number, readonly (string | number | readonly [first: number, last: number])[]>> = {
  5: ['012aceiost'],
  6: [' %-./3456789=A_bdfghlmnpru'],
  7: [':BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz'],
  8: ['&*,;XZ'],
  10: ['!"()?'],
  11: ["'+|"],
  12: ['#>'],
  13: [0, '$@[]~'],
  14: ['^}'],
  15: ['<`{'],
  19: ['\\', 195, 208],
  20: [128, 130, 131, 162, 184, 194, 224, 226],
  21: [153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230],
  22: [
    129,
    [132, 134],
    136,
    146,
    154,
    156,
    160,
    163,
    164,
    169,
    170,
    173,
    178,
    181,
    [185, 187],
    189,
    190,
    196,
    198,
    228,
    232,
    233,
  ],
  23: [
    1,
    135,
    [137, 141],
    143,
    147,
    [149, 152],
    155,
    157,
    158,
    165,
    166,
    168,
    174,
    175,
    180,
    182,
    183,
    188,
    191,
    197,
    231,
    239,
  ],
  24: [9, 142, 144, 145, 148, 159, 171, 206, 215, 225, 236, 237],
  25: [199, 207, 234, 235],
  26: [[192, 193], [200, 202], 205, 210, 213, 218, 219, 238, 240, 242, 243, 255],
  27: [203, 204, 211, 212, 214, [221, 223], 241, [244, 248], [250, 254]],
  28: [[2, 8], 11, 12, [14, 21], [23, 31], 127, 220, 249],
  30: [10, 13, 22, END],
}

// An entry of the table: the state that follows in the low byte, a symbol above it where one is complete.
const HAS_SYMBOL = 1 << 16
const FAULT = 1 << 17

/** For each state, which is the part of a code that was read, what each of 16 nibbles leads to. */
const TRANSITIONS = new Int32Array(256 * 16)
/** 1 where a string may end: fewer than eight bits of padding, all of them 1. */
const MAY_END = new Uint8Array(256)
build()

/** The longest string decodes to 8/5 of its length. */
let scratch = Buffer.allocUnsafeSlow(8_192)

/** The text, as latin1; `undefined` where the bytes are no code. */
export function decodeHuffman(bytes: Buffer, from: number, to: number): string | undefined {
  const longest = ((to - from) * 8) / 5 + 1
  if (scratch.byteLength < longest) scratch = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(longest)))
  const out = scratch
  let length = 0
  let state = 0
  for (let i = from; i < to; i++) {
    const byte = bytes[i]!
    let entry = TRANSITIONS[(state << 4) | (byte >> 4)]!
    if (entry >= HAS_SYMBOL) {
      if (entry >= FAULT) return undefined
      out[length++] = (entry >> 8) & 255
    }
    entry = TRANSITIONS[((entry & 255) << 4) | (byte & 15)]!
    if (entry >= HAS_SYMBOL) {
      if (entry >= FAULT) return undefined
      out[length++] = (entry >> 8) & 255
    }
    state = entry & 255
  }
  return MAY_END[state] === 1 ? latin1Slice(out, 0, length) : undefined
}

function build(): void {
  const tree = codeTree()
  for (let state = 0; state < 256; state++) {
    for (let nibble = 0; nibble < 16; nibble++) TRANSITIONS[(state << 4) | nibble] = transition(tree, state, nibble)
  }
  for (let state = 0, depth = 0; depth < 8; depth++) {
    MAY_END[state] = 1
    state = tree[2 * state + 1]!
  }
}

function transition(tree: Int32Array, from: number, nibble: number): number {
  let state = from
  let symbol = -1
  for (let bit = 3; bit >= 0; bit--) {
    const next = tree[2 * state + ((nibble >> bit) & 1)]!
    if (next >= 0) {
      state = next
      continue
    }
    symbol = ~next
    state = 0
    if (symbol === END) return FAULT
  }
  return symbol < 0 ? state : state | (symbol << 8) | HAS_SYMBOL
}

/** Two entries for each inner node, of which there are 256: another node, or a symbol as its complement. Node 0 is the root. */
function codeTree(): Int32Array {
  const tree = new Int32Array(512)
  let nodes = 1
  let code = 0
  let before = 0
  for (const [bits, symbols] of Object.entries(SYMBOLS).map(
    ([key, each]) => [Number(key), each.flatMap(expand)] as const,
  )) {
    code <<= bits - before
    before = bits
    for (const symbol of symbols) {
      let node = 0
      for (let bit = bits - 1; bit > 0; bit--) {
        const slot = 2 * node + ((code >> bit) & 1)
        if (tree[slot] === 0) tree[slot] = nodes++
        node = tree[slot]!
      }
      tree[2 * node + (code & 1)] = ~symbol
      code++
    }
  }
  return tree
}

function expand(symbols: string | number | readonly [first: number, last: number]): number[] {
  if (typeof symbols === 'number') return [symbols]
  if (typeof symbols === 'string') return Array.from(symbols, (each) => each.charCodeAt(0))
  const [first, last] = symbols
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}
