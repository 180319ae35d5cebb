/** Frames of HTTP/2 as bytes (RFC 9113, section 4.1, and HPACK of RFC 7541), well-formed or not: nothing here is checked. */

/** RFC 9113, section 6. */
export const TYPE = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const

export const FLAG = { none: 0, ack: 1, endStream: 1, endHeaders: 4, priority: 0x20 } as const

export const SETTING = { headerTableSize: 1, initialWindowSize: 4 } as const

/** RFC 9113, section 7. */
export const ERROR = { none: 0, protocol: 1, flowControl: 3, refusedStream: 7, cancel: 8, enhanceYourCalm: 11 } as const

export const PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

const NOTHING = Buffer.alloc(0)

export function frame(type: number, flags: number, stream: number, payload: Buffer = NOTHING): Buffer {
  const bytes = Buffer.allocUnsafe(9 + payload.length)
  bytes.writeUIntBE(payload.length, 0, 3)
  bytes[3] = type
  bytes[4] = flags
  bytes.writeUInt32BE(stream, 5)
  payload.copy(bytes, 9)
  return bytes
}

export function settings(values: readonly (readonly [setting: number, value: number])[] = []): Buffer {
  const payload = Buffer.alloc(values.length * 6)
  for (const [index, [setting, value]] of values.entries()) {
    payload.writeUInt16BE(setting, index * 6)
    payload.writeUInt32BE(value, index * 6 + 2)
  }
  return frame(TYPE.settings, FLAG.none, 0, payload)
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** An integer after HPACK (section 5.1): `bits` of its first byte, the others of which are given. */
function integer(value: number, bits: number, first: number): Buffer {
  const max = 2 ** bits - 1
  if (value < max) return Buffer.of(first | value)
  const bytes = [first | max]
  let rest = value - max
  for (; rest >= 128; rest >>= 7) bytes.push((rest & 0x7f) | 0x80)
  bytes.push(rest)
  return Buffer.from(bytes)
}

function text(value: string): Buffer {
  return Buffer.concat([integer(value.length, 7, 0), Buffer.from(value, 'latin1')])
}

/** A field that the dynamic table does not get. */
export function literal(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.of(0), text(name), text(value)])
}

/** A field that the dynamic table gets, as its first (whose index is 62). */
export function stored(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.of(0x40), text(name), text(value)])
}

/** A field of the tables. */
export function indexed(index: number): Buffer {
  return integer(index, 7, 0x80)
}

/** What every request begins with. */
export function requestFields(method: 'GET' | 'POST', path: string): Buffer {
  return Buffer.concat([
    indexed(method === 'GET' ? 2 : 3),
    indexed(6),
    literal(':path', path),
    literal(':authority', 'a.test'),
  ])
}

export function get(stream: number, path: string, more: Buffer = NOTHING): Buffer {
  const block = Buffer.concat([requestFields('GET', path), more])
  return frame(TYPE.headers, FLAG.endStream | FLAG.endHeaders, stream, block)
}

/** A request whose body is still to come. */
export function post(stream: number, path: string): Buffer {
  return frame(TYPE.headers, FLAG.endHeaders, stream, requestFields('POST', path))
}

export function reset(stream: number, code: number = ERROR.cancel): Buffer {
  return frame(TYPE.rstStream, FLAG.none, stream, uint32(code))
}

export function windowUpdate(stream: number, increment: number): Buffer {
  return frame(TYPE.windowUpdate, FLAG.none, stream, uint32(increment))
}
