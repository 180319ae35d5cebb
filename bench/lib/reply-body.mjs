/** The JSON that the upstream answers with: exactly as many bytes as asked for. */

const HEAD = '{"id":4711,"name":"A plain reply of a plain service","tags":["one","two","three"],"text":"'
const TAIL = '"}'
const FILLER = 'All work and no play makes a dull proxy. '

/** @throws {RangeError} below the smallest object that it can make */
export function replyBody(bytes) {
  const room = bytes - HEAD.length - TAIL.length
  if (!(room >= 0)) throw new RangeError(`a body has at least ${HEAD.length + TAIL.length} bytes`)
  return HEAD + FILLER.repeat(Math.ceil(room / FILLER.length)).slice(0, room) + TAIL
}

/** A whole reply of HTTP/1.1 with it, for an upstream of raw sockets. */
export function jsonReply(bytes, token) {
  const body = replyBody(bytes)
  return Buffer.from(
    `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n` +
      `X-Upstream-Token: ${token}\r\n\r\n${body}`,
  )
}
