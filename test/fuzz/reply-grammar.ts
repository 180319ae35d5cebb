/** Streams of reply bytes to one request: interim replies, the reply, and perhaps more than that. */
import type { Dice } from './dice.ts'
import { chunked, codingLine, lengthLine, otherLine } from './fields.ts'
import { lineEnd, mutateBytes, mutateLines } from './mutations.ts'

const STATUSES = [
  '200 OK',
  '201 Created',
  '404 Not Found',
  '500 Oops',
  '204 No Content',
  '304 Not Modified',
  '302 Found',
  '206 P',
  '299 ',
]
const ODD_STATUSES = [
  '200',
  '99 Low',
  '600 High',
  '999 Higher',
  '2x0 OK',
  '0200 OK',
  '200\tOK',
  '2000 OK',
  ' 200 OK',
  '200 O\0K',
  '200 \xe4',
  '-200 OK',
  '',
  '101 Switching',
  '205 Reset',
]
const ODD_VERSIONS = [
  'HTTP/1.0',
  'HTTP/1.2',
  'HTTP/2.0',
  'HTTP/0.9',
  'http/1.1',
  'ICY',
  'HTTP/1.1 ',
  'HTTP/01.1',
  'HTTP/1.',
]
const POISON = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'

/** What one connection sends in reply. */
export function replyStream(dice: Dice): string {
  let text = dice.chance(0.02) ? dice.pick(['\r\n', '\n', ' ']) : ''
  while (dice.chance(0.12)) text += interimReply(dice)
  text += reply(dice)
  if (dice.chance(0.1)) text += dice.pick([POISON, 'surplus', '\r\n', '0\r\n\r\n'])
  return dice.chance(0.35) ? mutateBytes(dice, text) : text
}

function interimReply(dice: Dice): string {
  const status = dice.pick(['100 Continue', '103 Early Hints', '102 Processing', '110 X'])
  const line = dice.chance(0.5) ? 'Link: </a>; rel=preload\r\n' : dice.chance(0.1) ? 'Content-Length: 5\r\n' : ''
  return `HTTP/1.1 ${status}\r\n${line}\r\n`
}

function reply(dice: Dice): string {
  const version = dice.chance(0.94) ? 'HTTP/1.1' : dice.pick(ODD_VERSIONS)
  const status = dice.chance(0.94) ? dice.pick(STATUSES) : dice.pick(ODD_STATUSES)
  const body = dice.chance(0.2) ? POISON : dice.text(dice.pick([0, 1, 5, 30, 700]), 'abc\r\n0 :\xff\0')
  const framing = dice.below(10)
  let lines: string[] = []
  for (let left = dice.below(4); left > 0; left--) lines.push(otherLine(dice))
  let content = body
  if (framing > 1 && framing < 6) lines.push(lengthLine(dice, body.length))
  if (framing >= 6) {
    lines.push(codingLine(dice))
    content = chunked(dice, body)
    if (framing === 9 && dice.chance(0.3)) lines.push(lengthLine(dice, body.length))
  }
  if (lines.length > 0 && dice.chance(0.15)) lines = mutateLines(dice, lines)
  let text = `${version} ${status}${lineEnd(dice)}`
  for (const line of lines) text += line + lineEnd(dice)
  return text + lineEnd(dice) + (dice.chance(0.95) ? content : content.slice(0, dice.below(content.length + 1)))
}
