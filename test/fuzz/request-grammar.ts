/** Streams of request bytes: one message, or several pipelined, valid or nearly so. */
import type { Dice } from './dice.ts'
import { chunked, codingLine, lengthLine, otherLine } from './fields.ts'
import { lineEnd, mutateBytes, mutateLines } from './mutations.ts'

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH']
const ODD_METHODS = [
  'CONNECT',
  'get',
  'QUERY',
  'FOO',
  'M-SEARCH',
  'PRI',
  'G\0T',
  'GET\t',
  '',
  'A',
  '!#$',
  'TRACE',
  'SOURCE',
]
const TARGETS = ['/', '/a/b?c=d', '/%2e%2e/x', '/a;b=c', '/a?b#c', '/%00', '/a\\b', '/~!$&()*+,;=:@']
const ODD_TARGETS = [
  '*',
  'http://a.test/x',
  'HTTP://a.test',
  'http://a.test:80@b.test/',
  '//evil/x',
  '/\\evil',
  'a.test:80',
  '?x',
  '/\xe4',
  '/a b',
  '/\t',
  '/\x7f',
  '',
  'ftp://x/y',
  'x',
  `/${'a'.repeat(600)}`,
]
const ODD_VERSIONS = [
  'HTTP/1.2',
  'HTTP/2.0',
  'HTTP/0.9',
  'http/1.1',
  'HTTP/1.10',
  'HTTP/11',
  'HTTP/1.1 ',
  'HTTP/1,1',
  '',
  'RTSP/1.0',
]
const HIDDEN = 'GET /hidden HTTP/1.1\r\nHost: a.test\r\n\r\n'

/** What one connection sends. */
export function requestStream(dice: Dice): string {
  let text = dice.chance(0.03) ? dice.pick(['\r\n', '\n', '\r\n\r\n', ' ']) : ''
  const count = dice.chance(0.6) ? 1 : dice.between(2, 4)
  for (let i = 0; i < count; i++) text += requestMessage(dice)
  return dice.chance(0.35) ? mutateBytes(dice, text) : text
}

function requestMessage(dice: Dice): string {
  const method = dice.chance(0.93) ? dice.pick(METHODS) : dice.pick(ODD_METHODS)
  const target = dice.chance(0.9) ? dice.pick(TARGETS) : dice.pick(ODD_TARGETS)
  const version = dice.chance(0.95) ? 'HTTP/1.1' : dice.chance(0.5) ? 'HTTP/1.0' : dice.pick(ODD_VERSIONS)
  const body = dice.chance(0.2) ? HIDDEN : dice.text(dice.pick([0, 1, 5, 30, 700]), 'abc\r\n0 :\xff\0')
  const framing = dice.below(10)
  let lines = [`Host: ${dice.pick(['a.test', 'a.test:80', 'b.test'])}`]
  for (let left = dice.below(5); left > 0; left--) lines.push(otherLine(dice))
  let content = ''
  if (framing < 3) {
    // No body, or one that nothing announces.
    if (dice.chance(0.05)) content = body
  } else if (framing < 6) {
    lines.push(lengthLine(dice, body.length))
    content = body
  } else {
    lines.push(codingLine(dice))
    content = chunked(dice, body)
    if (framing === 9 && dice.chance(0.3)) lines.push(lengthLine(dice, body.length))
  }
  if (dice.chance(0.15)) lines = mutateLines(dice, lines)
  let text = `${method}${dice.chance(0.99) ? ' ' : '  '}${target} ${version}${lineEnd(dice)}`
  for (const line of lines) text += line + lineEnd(dice)
  return text + lineEnd(dice) + content
}
