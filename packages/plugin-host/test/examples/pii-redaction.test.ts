import { describe, expect, test } from 'vitest'
import type { HarnessReply } from '../../src/index.ts'
import { harnessOf } from './example-plugin.ts'

async function redacted(body: string, headers: HarnessReply['headers'] = { 'content-type': 'application/json' }) {
  const harness = await harnessOf('pii-redaction')
  const run = await harness.run({ reply: { headers, body } })
  expect(run.faults).toEqual([])
  return run.reply
}

// The first may have to wait for a compiler.
describe('redaction of personal data', { timeout: 60_000 }, () => {
  test('masks the values of keys that are named, whatever they are', async () => {
    const { body } = await redacted(
      '{"id": 7, "Email":"a@b.example", "phone":\t491234, "iban":{"x":[1,{"y":"}"}]}, "ssn":["1","2"] , "left":true}',
    )
    expect(body).toBe(
      '{"id": 7, "Email":"[redacted]", "phone":\t"[redacted]", "iban":"[redacted]", "ssn":"[redacted]" , "left":true}',
    )
  })

  test.each([
    ['write to ada.l+x@mail.example.com.', 'write to [redacted].'],
    ['a@b.example, c@d.example', '[redacted], [redacted]'],
    ['<ünï@exämple.com>', '<[redacted]>'],
    ['paid with 4111 1111 1111 1111 today', 'paid with [redacted] today'],
    ['4111-1111-1111-1111', '[redacted]'],
    ['378282246310005', '[redacted]'],
  ])('masks within a text: %s', async (text, expected) => {
    const { body } = await redacted(JSON.stringify([{ note: text }, text]))
    expect(JSON.parse(body)).toEqual([{ note: expected }, expected])
  })

  test.each([
    '4111 1111 1111 1112',
    '00441111111111111111110',
    'a@b',
    '@example.com',
    'a@.com',
    'x@y.z',
    '12@ 34',
    '10:30 2024-01-01',
  ])('leaves alone what only looks like it: %s', async (text) => {
    const sent = JSON.stringify({ note: text })
    expect((await redacted(sent)).body).toBe(sent)
  })

  test('finds what is written with escapes', async () => {
    const { body } = await redacted('{"a":"x\\u0040y.example","\\u0065mail":"q","b":"line\\nbreak"}')
    expect(body).toBe('{"a":"[redacted]","\\u0065mail":"[redacted]","b":"line\\nbreak"}')
  })

  test('asks the upstream not to compress', async () => {
    const harness = await harnessOf('pii-redaction')
    const { requestDelta } = await harness.run({ request: { headers: { 'accept-encoding': 'gzip, br' } } })
    expect(requestDelta.removed).toEqual(['accept-encoding'])
  })

  test.each(['{"a":', '{"a":1}}', '{"a" 1}', '[1,]', '{"email":[}', '"a\u0001b"', '['.repeat(300)])(
    'lets nothing out that says it is JSON and is not: %s',
    async (body) => {
      const reply = await redacted(body)
      expect([reply.status, reply.body]).toEqual([502, expect.stringContaining('it is no JSON')])
    },
  )

  test('lets nothing out that is compressed all the same', async () => {
    const reply = await redacted('…', { 'content-type': 'application/json', 'content-encoding': 'gzip' })
    expect(reply.status).toBe(502)
  })

  test('has nothing to do with what is no JSON', async () => {
    const reply = await redacted('a@b.example', { 'content-type': 'text/plain' })
    expect(reply.body).toBe('a@b.example')
  })

  test('takes media types that end in +json, and parameters', async () => {
    const reply = await redacted('["a@b.example"]', { 'content-type': 'Application/Problem+JSON; charset=utf-8' })
    expect(reply.body).toBe('["[redacted]"]')
  })

  test('stays within its fuel on the largest body, however much there is to find', async () => {
    const harness = await harnessOf('pii-redaction')
    const body = JSON.stringify(Array.from({ length: 20_000 }, (_, i) => `user${i}@mail.example has 4111 1111 1111`))
    const run = await harness.run({ reply: { headers: { 'content-type': 'application/json' }, body } })
    expect(run.faults).toEqual([])
    expect(run.reply.body).not.toContain('@')
  })

  test('has fuel for bodies that are nothing but personal data, twice over, by default', async () => {
    const harness = await harnessOf('pii-redaction')
    const entry = (id: number) => ({
      id,
      email: `user${id}@example.com`,
      card: '4111111111111111',
      note: 'a@b.example',
    })
    for (const entries of [1, 3_000]) {
      const body = JSON.stringify(Array.from({ length: entries }, (_, id) => entry(id)))
      const { faults, calls } = await harness.run({ reply: { headers: { 'content-type': 'application/json' }, body } })
      expect(faults).toEqual([])
      const { fuel } = calls.find(({ hook }) => hook === 'on_response_body')!
      expect(2 * fuel).toBeLessThan(10_000_000 + 1_000 * body.length)
    }
  })
})
