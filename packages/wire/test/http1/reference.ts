/**
 * A second reading of requests, slow and strict, with regular expressions over the whole text and nothing of the engine's:
 * what the two understand differently is a mistake in one of them.
 */
import type { ReadMessage } from './wire-text.ts'

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const METHOD = "[!#$%&'*+.^_`|~0-9A-Z-]+"
const FIELD_LINE = `(${TOKEN}):[ \\t]*((?:[\\x21-\\x7e\\x80-\\xff](?:[ \\t\\x21-\\x7e\\x80-\\xff]*[\\x21-\\x7e\\x80-\\xff])?)?)[ \\t]*\\r\\n`
const HEAD = new RegExp(`^(?:\\r\\n)?(${METHOD}) ([\\x21-\\x7e]+) HTTP/(1\\.[01])\\r\\n((?:${FIELD_LINE})*)\\r\\n`)
const EXTENSIONS = `(?:;${TOKEN}(?:=(?:${TOKEN}|"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t \\x21-\\x7e\\x80-\\xff])*"))?)*`
const CHUNK = new RegExp(`^([0-9A-Fa-f]{1,12})${EXTENSIONS}\\r\\n`)
const TRAILERS = new RegExp(`^((?:${FIELD_LINE})*)\\r\\n`)

/** Every whole request in a text; `undefined` once something is not one, or is not whole. */
export function referenceRequests(text: string): ReadMessage[] | undefined {
  const messages: ReadMessage[] = []
  for (let rest = text; rest !== '';) {
    const head = HEAD.exec(rest)
    if (head === null) return undefined
    const [whole, method, target, version, lines] = head
    const fields = fieldsOf(lines!)
    const body = bodyOf(fields, version!, rest.slice(whole.length))
    if (body === undefined) return undefined
    messages.push({ start: `${method} ${target} ${version}`, fields, body: body.content, trailers: body.trailers })
    rest = rest.slice(whole.length + body.length)
  }
  return messages
}

type Fields = (readonly [string, string])[]

function fieldsOf(lines: string): Fields {
  return [...lines.matchAll(new RegExp(FIELD_LINE, 'g'))].map(([, name, value]) => [name!, value!] as const)
}

function bodyOf(fields: Fields, version: string, text: string) {
  const under = (name: string) => fields.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value)
  const lengths = under('content-length')
  const codings = under('transfer-encoding')
  if (codings.length > 0) {
    if (codings.length > 1 || lengths.length > 0 || version === '1.0') return undefined
    return codings[0]!.toLowerCase() === 'chunked' ? chunksOf(text) : undefined
  }
  if (lengths.length === 0) return { content: '', trailers: [], length: 0 }
  if (lengths.length > 1 || !/^[0-9]{1,15}$/.test(lengths[0]!)) return undefined
  const length = Number(lengths[0])
  return text.length < length ? undefined : { content: text.slice(0, length), trailers: [], length }
}

function chunksOf(text: string) {
  let content = ''
  for (let at = 0; ;) {
    const line = CHUNK.exec(text.slice(at))
    if (line === null) return undefined
    at += line[0].length
    const size = Number.parseInt(line[1]!, 16)
    if (size === 0) {
      const section = TRAILERS.exec(text.slice(at))
      if (section === null) return undefined
      const trailers = fieldsOf(section[1]!)
      if (trailers.some(([name]) => /^(?:content-length|transfer-encoding)$/i.test(name))) return undefined
      return { content, trailers, length: at + section[0].length }
    }
    if (text.slice(at + size, at + size + 2) !== '\r\n') return undefined
    content += text.slice(at, at + size)
    at += size + 2
  }
}
