/** A name server on loopback for tests: answers each question as it was told, over UDP. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIP } from 'node:net'

/** A record: an address, or a service. */
export type DnsRecord =
  | { readonly address: string; readonly ttl: number }
  | { readonly name: string; readonly port: number; readonly priority: number; readonly weight: number }

/** Records; or a name that there is none of, a name server that fails, or one that says nothing. */
export type DnsAnswer = readonly DnsRecord[] | 'nxdomain' | 'servfail' | 'silence'

export interface DnsResponder {
  /** `127.0.0.1:port` */
  readonly address: string
  /** What it was asked, such as `A users.test`. */
  readonly questions: readonly string[]
  /** By question. What is not there has no records: NODATA. */
  readonly answers: Record<string, DnsAnswer>
  close(): Promise<void>
}

const TYPES: Readonly<Record<number, string>> = { 1: 'A', 28: 'AAAA', 33: 'SRV' }
const CODES = { nxdomain: 3, servfail: 2 }
const HEADER_BYTES = 12

export async function dnsResponder(answers: Record<string, DnsAnswer> = {}): Promise<DnsResponder> {
  const socket = createSocket('udp4')
  const questions: string[] = []
  socket.on('message', (query, from) => {
    const { name, type, end } = readQuestion(query)
    const question = `${TYPES[type] ?? type} ${name}`
    questions.push(question)
    const answer = answers[question] ?? []
    if (answer === 'silence') return
    const records = typeof answer === 'string' ? [] : answer
    const header = Buffer.alloc(HEADER_BYTES)
    header.writeUInt16BE(query.readUInt16BE(0), 0)
    // A response that recursion was asked for and is to be had.
    header.writeUInt16BE(0x8180 | (typeof answer === 'string' ? CODES[answer] : 0), 2)
    header.writeUInt16BE(1, 4)
    header.writeUInt16BE(records.length, 6)
    const body = records.map((record) => encode(record, type))
    socket.send(Buffer.concat([header, query.subarray(HEADER_BYTES, end), ...body]), from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    address: `127.0.0.1:${socket.address().port}`,
    questions,
    answers,
    async close() {
      socket.close()
      await once(socket, 'close')
    },
  }
}

function readQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = []
  let at = HEADER_BYTES
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 }
}

function encode(record: DnsRecord, type: number): Buffer {
  const data = 'address' in record ? addressBytes(record.address) : serviceBytes(record)
  const head = Buffer.alloc(HEADER_BYTES)
  // The name is that of the question, which begins behind the header.
  head.writeUInt16BE(0xc00c, 0)
  head.writeUInt16BE(type, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt32BE('address' in record ? record.ttl : 60, 6)
  head.writeUInt16BE(data.byteLength, 10)
  return Buffer.concat([head, data])
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number))
  const [before = '', after] = address.split('::')
  const groups = (text: string | undefined) => (text === undefined || text === '' ? [] : text.split(':'))
  const [first, last] = [groups(before), groups(after)]
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => '0')
  return Buffer.from([...first, ...zeros, ...last].map((group) => group.padStart(4, '0')).join(''), 'hex')
}

function serviceBytes({ name, port, priority, weight }: Extract<DnsRecord, { port: number }>): Buffer {
  const numbers = Buffer.alloc(6)
  for (const [index, value] of [priority, weight, port].entries()) numbers.writeUInt16BE(value, index * 2)
  const labels = name.split('.').filter((label) => label !== '')
  return Buffer.concat([
    numbers,
    ...labels.map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1')),
    Buffer.alloc(1),
  ])
}
