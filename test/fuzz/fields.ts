/** Field lines, the usual and the odd: what requests and replies are generated of. */
import type { Dice } from './dice.ts'

const TOKEN = "abcdefgXYZ0189-_!#$%&'*+.^`|~"
const VISIBLE = 'abcXYZ 019\t,;:="()<>@[]{}/\\?%~\xe4\xff\x80'
const ODD_BYTES = '\0\r\n\x0b\x0c\x7f\x1b\x08 \t:\xa0\x85'

const ODD_LENGTHS: readonly ((right: string) => string)[] = [
  (right) => `+${right}`,
  (right) => `-${right}`,
  (right) => `0${right}`,
  (right) => `0x${right}`,
  (right) => `${right}, ${right}`,
  (right) => `${right},`,
  (right) => `${right} ${right}`,
  (right) => `${right}.0`,
  (right) => `${right}e0`,
  (right) => `"${right}"`,
  (right) => `${right}\t`,
  (right) => `  ${right}  `,
  (right) => `${right}\x0b`,
  (right) => `${right}_0`,
  (right) => `${right};a=b`,
  () => '',
  () => '18446744073709551616',
  () => '99999999999999999999999',
  () => '4294967296',
]

const ODD_CODINGS: readonly string[] = [
  'Chunked',
  'CHUNKED',
  'chunked ',
  '\tchunked',
  ' chunked\t',
  'chunked,',
  ',chunked',
  'chunked, chunked',
  'chunked, identity',
  'identity, chunked',
  'gzip, chunked',
  'gzip',
  'identity',
  'xchunked',
  'chunkedx',
  'chunked;q=1',
  'chunked ;',
  '"chunked"',
  '\x0bchunked',
  'chunked\x0b',
  '\xa0chunked',
  'chun\tked',
  'cow',
  '',
]

const LENGTH_NAMES = ['Content-Length', 'content-length', 'CONTENT-LENGTH', 'Content-length', 'Content_Length']
const CODING_NAMES = ['Transfer-Encoding', 'transfer-encoding', 'TRANSFER-ENCODING', 'Transfer_Encoding', 'TE']

/** A line that says how long the body is, right most of the time. */
export function lengthLine(dice: Dice, length: number): string {
  const right = String(length)
  if (dice.chance(0.85)) return `${dice.pick(LENGTH_NAMES.slice(0, 4))}: ${right}`
  const name = dice.pick(LENGTH_NAMES)
  if (dice.chance(0.3)) return `${name}: ${Math.max(0, length + dice.between(-3, 3))}`
  return `${name}:${dice.pick(['', ' ', '  ', '\t'])}${dice.pick(ODD_LENGTHS)(right)}`
}

/** A line that says that the body is chunked, right most of the time. */
export function codingLine(dice: Dice): string {
  if (dice.chance(0.8)) return `${dice.pick(CODING_NAMES.slice(0, 3))}: chunked`
  return `${dice.pick(CODING_NAMES)}:${dice.pick(['', ' '])}${dice.pick(ODD_CODINGS)}`
}

/** Any other line. */
export function otherLine(dice: Dice): string {
  const kind = dice.below(12)
  if (kind < 5) return `X-${dice.text(dice.between(1, 6), 'abcdef')}: ${dice.text(dice.below(20), VISIBLE)}`
  if (kind < 7) return `${dice.text(dice.between(1, 8), TOKEN)}:${dice.text(dice.below(8), VISIBLE)}`
  if (kind === 7) return `Connection: ${dice.pick(['close', 'keep-alive', 'Keep-Alive', 'x', 'close, x', 'upgrade'])}`
  if (kind === 8)
    return dice.pick(['Cookie: a=1', 'Accept: */*', 'Expect: 100-continue', 'Trailer: x-sum', 'Upgrade: ws'])
  if (kind === 9) return `X-Odd: a${dice.text(1, ODD_BYTES)}b`
  if (kind === 10)
    return `${dice.pick(['', ' ', 'a b', 'a\t', '\x01a', 'a\xe4', '(a)', 'a,b'])}${dice.pick([':', ' :', ''])} v`
  return `X-Blank:${dice.text(dice.below(4), ' \t')}${dice.pick(['', 'v'])}${dice.text(dice.below(4), ' \t')}`
}

/** A body in the chunked coding, trailers included. */
export function chunked(dice: Dice, body: string): string {
  let text = ''
  for (let at = 0; at < body.length;) {
    const size = dice.between(1, body.length - at)
    text += `${chunkSize(dice, size)}${extension(dice)}\r\n${body.slice(at, at + size)}\r\n`
    at += size
  }
  text += `${dice.chance(0.9) ? '0' : dice.pick(['00', '000000', '', '0x0', '-0', '0 '])}${extension(dice)}\r\n`
  while (dice.chance(0.15)) text += `${dice.chance(0.8) ? 'X-Trailer: t' : dice.pick(TRAILERS)}\r\n`
  return `${text}\r\n`
}

const TRAILERS = [
  'Content-Length: 5',
  'Transfer-Encoding: chunked',
  'Host: b.test',
  ' folded',
  'a b: c',
  'Connection: close',
]

function chunkSize(dice: Dice, size: number): string {
  const hex = size.toString(16)
  if (dice.chance(0.85)) return dice.chance(0.5) ? hex : hex.toUpperCase()
  const leading = '0'.repeat(dice.between(1, 16))
  return dice.pick([
    `0x${hex}`,
    `+${hex}`,
    `-${hex}`,
    ` ${hex}`,
    `${hex} `,
    leading + hex,
    `${hex}g`,
    `${hex}\0`,
    `1${'0'.repeat(16)}${hex}`,
  ])
}

function extension(dice: Dice): string {
  if (dice.chance(0.85)) return ''
  const name = dice.text(dice.between(0, 3), TOKEN)
  const value = dice.pick([
    '',
    '=',
    '=v',
    '="q"',
    '="a;b"',
    '="',
    '=a b',
    '="\\""',
    '=\xe4',
    ' = v',
    '=v;w=x',
    '\n',
    '\r',
    '\0',
    '=v\tw',
    '="a"b',
  ])
  return `${dice.pick([';', ';', ' ;', '; ', ';;', ' ', ','])}${name}${value}`
}
