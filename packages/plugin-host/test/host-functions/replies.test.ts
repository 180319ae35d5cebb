import { describe, expect, it } from 'vitest'
import { createPluginHarness, type HarnessManifest, type HarnessRun } from '../../src/index.ts'
import { form, guest, hook } from '../guest.ts'

async function run(
  code: string,
  texts: Readonly<Record<string, string>> = {},
  manifest: HarnessManifest = {},
): Promise<HarnessRun> {
  const harness = await createPluginHarness(guest({ texts, code }), { capabilities: { respond: true }, ...manifest })
  try {
    return await harness.run({ request: { headers: { 'x-a': '1' } }, reply: { body: 'from the upstream' } })
  } finally {
    await harness.close()
  }
}

const answer = (status: number, result = 1) =>
  `(drop (call $respond (i32.const ${status}) {fields} {body})) (return (i32.const ${result}))`
const TEXTS = { fields: form(2, 'Content-Type', 'text/plain', 'x-by', 'plugin'), body: 'no' }

describe('respond', () => {
  it('answers in the place of what is further inside', async () => {
    const { action, reply, forwarded, replyDelta } = await run(hook('on_request_head', answer(403)), TEXTS)
    expect(action).toBe('respond')
    expect(forwarded).toBeUndefined()
    expect(reply).toMatchObject({ status: 403, body: 'no' })
    expect(replyDelta.set).toEqual({ 'content-type': 'text/plain', 'x-by': 'plugin' })
  })

  it('takes the place of the reply, whose hooks are not called then', async () => {
    const code = `${hook('on_response_head', answer(502))} ${hook('on_log', '')}`
    const { reply, calls } = await run(code, TEXTS)
    expect(reply).toMatchObject({ status: 502, body: 'no' })
    expect(calls.map((call) => `${call.hook}:${call.action}`)).toEqual(['on_response_head:respond', 'on_log:continue'])
  })

  it('means nothing where the hook does not return RESPOND', async () => {
    const { reply } = await run(hook('on_request_head', answer(403, 0)), TEXTS)
    expect(reply).toMatchObject({ status: 200, body: 'from the upstream' })
  })

  it('need have neither fields nor a body', async () => {
    const code = hook(
      'on_request_head',
      '(drop (call $respond (i32.const 204) {buf} (i32.const 0) {buf} (i32.const 0)))',
      1,
    )
    expect((await run(code)).reply).toMatchObject({ status: 204, body: '' })
  })

  it.each([
    ['a status that is none', answer(999), TEXTS],
    ['a switch of protocols', answer(101), TEXTS],
    ['RESPOND without a reply', '(return (i32.const 1))', {}],
    ['a result that is none', '(return (i32.const 4))', {}],
    ['a negative result', '(return (i32.const -1))', {}],
    ['a line break in a field', answer(200), { ...TEXTS, fields: form(1, 'x-a', 'a\r\nb: c') }],
    ['a length of its own', answer(200), { ...TEXTS, fields: form(1, 'Content-Length', '100') }],
    ['fields that are cut short', answer(200), { ...TEXTS, fields: form(3, 'a', 'b') }],
  ])('%s is a fault', async (_, code, texts) => {
    const { faults, reply } = await run(hook('on_request_head', code), texts)
    expect(faults.map(({ code }) => code)).toEqual(['ERR_SLUICE_PLUGIN_OUTPUT'])
    expect(reply.status).toBe(500)
    expect(JSON.parse(reply.body)).toMatchObject({ code: 'ERR_SLUICE_PLUGIN_OUTPUT' })
  })

  it('with more than it may write is a fault', async () => {
    const { faults } = await run(hook('on_request_head', answer(200)), TEXTS, {
      capabilities: { respond: true },
      limits: { outputBytes: 1 },
    })
    expect(faults[0]?.code).toBe('ERR_SLUICE_PLUGIN_LIMIT')
  })
})

describe('SKIP', () => {
  it('leaves the plugin out of the rest, on_log included', async () => {
    const code = hook('on_request_head', '', 3) + hook('on_response_head', '') + hook('on_log', '')
    const { action, calls, reply } = await run(code)
    expect(action).toBe('skip')
    expect(calls).toHaveLength(1)
    expect(reply.body).toBe('from the upstream')
  })
})

describe('state', () => {
  it('goes from hook to hook of one exchange, and to no other', async () => {
    const code = `
      ${hook('on_request_head', '(if (i32.ge_s (call $get_state {buf} (i32.const 9)) (i32.const 0)) (then (unreachable))) (drop (call $set_state {kept}))')}
      ${hook('on_response_head', '(drop (call $log (i32.const 2) {buf} (call $get_state {buf} (i32.const 99))))')}`
    const harness = await createPluginHarness(guest({ texts: { kept: 'of this exchange' }, code }))
    for (let i = 0; i < 2; i++)
      expect((await harness.run()).logs).toEqual([{ level: 'info', message: 'of this exchange' }])
    await harness.close()
  })

  it('has a limit', async () => {
    const code = hook('on_request_head', '(if (i32.ne (call $set_state {kept}) (i32.const -4)) (then (unreachable)))')
    expect((await run(code, { kept: 'four' }, { limits: { stateBytes: 3 } })).faults).toEqual([])
  })
})

describe('set_result', () => {
  it('takes JSON', async () => {
    const { result } = await run(hook('on_request_head', '(drop (call $set_result {json}))'), { json: '{"a":[1,2]}' })
    expect(result).toEqual({ a: [1, 2] })
  })

  it('says that it is none, and goes on', async () => {
    const code = hook('on_request_head', '(if (i32.ne (call $set_result {json}) (i32.const -3)) (then (unreachable)))')
    const { result, faults } = await run(code, { json: '{"a":' })
    expect({ result, faults }).toEqual({ result: undefined, faults: [] })
  })
})
