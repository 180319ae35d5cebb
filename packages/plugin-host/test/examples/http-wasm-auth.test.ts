/** Against a host of a few lines, made from the description of the ABI (http-wasm.io/http-handler-abi); and in Sluice. */
import { describe, expect, test } from 'vitest'
import { engine, type WasmMemory } from '../../src/wasm/engine.ts'
import { harnessOf, moduleOf } from './example-plugin.ts'

interface Seen {
  readonly result: bigint
  readonly status: number | undefined
  readonly removed: readonly string[]
  readonly reply: Readonly<Record<string, string>>
  readonly body: string
}

const CONFIG = JSON.stringify({ users: ['Ym9iOnh5eg==', 'YWxpY2U6c2VjcmV0'] })

async function requestWith(authorization: readonly string[]): Promise<Seen> {
  const removed: string[] = []
  const reply: Record<string, string> = {}
  let status: number | undefined
  let body = ''
  const memory = (): WasmMemory => instance.exports['memory'] as WasmMemory
  const text = (at: number, length: number) => Buffer.from(memory().buffer, at, length).toString('latin1')
  /** What is longer than `limit` is not written; its length is told all the same. */
  const put = (value: string, at: number, limit: number) => {
    if (value.length <= limit) Buffer.from(memory().buffer).write(value, at, 'latin1')
    return value.length
  }
  const instance = new engine.Instance(new engine.Module((await moduleOf('http-wasm-auth')).bytes), {
    http_handler: {
      get_config: (at: number, limit: number) => put(CONFIG, at, limit),
      get_header_values(kind: number, name: number, nameLength: number, at: number, limit: number) {
        const values = kind === 0 && text(name, nameLength) === 'authorization' ? authorization : []
        const length = put(values.map((value) => `${value}\0`).join(''), at, limit)
        return (BigInt(values.length) << 32n) | BigInt(length)
      },
      remove_header: (_kind: number, name: number, length: number) => void removed.push(text(name, length)),
      set_header_value(kind: number, name: number, nameLength: number, value: number, length: number) {
        expect(kind).toBe(1)
        reply[text(name, nameLength)] = text(value, length)
      },
      set_status_code: (code: number) => void (status = code),
      write_body: (_kind: number, at: number, length: number) => void (body += text(at, length)),
      log: () => {},
    },
  })
  const { exports } = instance
  const result = (exports['handle_request'] as () => bigint)()
  if (result === 1n) (exports['handle_response'] as (context: number, isError: number) => void)(0, 0)
  return { result, status, removed, reply, body }
}

// The first may have to wait for a compiler.
describe('HTTP Basic authentication for http-wasm', { timeout: 60_000 }, () => {
  test.each(['Basic YWxpY2U6c2VjcmV0', 'basic Ym9iOnh5eg=='])('lets %s in, and keeps it to itself', async (value) => {
    expect(await requestWith([value])).toEqual({
      result: 1n,
      status: undefined,
      removed: ['authorization'],
      reply: { 'cache-control': 'private' },
      body: '',
    })
  })

  test.each([
    [[]],
    [['Basic YWxpY2U6c2VjcmV1']],
    [['Basic YWxpY2U6c2VjcmV']],
    [['Basic ']],
    [['Basic users']],
    [['Basic Ym9iOnh5eg==","YWxpY2U6c2VjcmV0']],
    [['Bearer YWxpY2U6c2VjcmV0']],
    [['Basic YWxpY2U6c2VjcmV0', 'Basic YWxpY2U6c2VjcmV0']],
    [[`Basic ${'A'.repeat(2_000)}`]],
  ])('answers %j with a question', async (values) => {
    expect(await requestWith(values)).toEqual({
      result: 0n,
      status: 401,
      removed: [],
      reply: { 'www-authenticate': 'Basic realm="gateway", charset="UTF-8"' },
      body: 'who are you?\n',
    })
  })
})

describe('HTTP Basic authentication for http-wasm in Sluice', { timeout: 60_000 }, () => {
  test('lets in who is known, keeps the password to itself, and the reply out of shared caches', async () => {
    const harness = await harnessOf('http-wasm-auth')
    const run = await harness.run({ request: { headers: { authorization: 'Basic YWxpY2U6c2VjcmV0' } } })
    expect(run.faults).toEqual([])
    expect(run.requestDelta).toEqual({ set: {}, removed: ['authorization'] })
    expect(run.replyDelta.set).toEqual({ 'cache-control': 'private' })
  })

  test.each([{}, { authorization: 'Basic YWxpY2U6c2VjcmV1' }])('answers %j with a question', async (headers) => {
    const harness = await harnessOf('http-wasm-auth')
    const run = await harness.run({ request: { headers } })
    expect([run.action, run.forwarded, run.reply.status, run.reply.body]).toEqual([
      'respond',
      undefined,
      401,
      'who are you?\n',
    ])
    expect(run.reply.headers.get('www-authenticate')).toBe('Basic realm="gateway", charset="UTF-8"')
    expect(run.logs).toEqual([{ level: 'info', message: 'refused: no or wrong credentials' }])
  })

  test('takes its users from the configuration', async () => {
    const harness = await harnessOf('http-wasm-auth', { config: { users: ['Ym9iOnh5eg=='] } })
    const statusOf = async (credentials: string) =>
      (await harness.run({ request: { headers: { authorization: `Basic ${credentials}` } } })).reply.status
    expect([await statusOf('Ym9iOnh5eg=='), await statusOf('YWxpY2U6c2VjcmV0')]).toEqual([200, 401])
  })
})
