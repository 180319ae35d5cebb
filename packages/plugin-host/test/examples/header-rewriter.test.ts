import { describe, expect, test } from 'vitest'
import { harnessOf } from './example-plugin.ts'

// The first may have to wait for a compiler.
describe('the header rewriter', { timeout: 60_000 }, () => {
  test('takes away what clients may not say', async () => {
    const harness = await harnessOf('header-rewriter')
    const { requestDelta } = await harness.run({
      request: {
        headers: { 'X-Debug': '1', 'X-Internal-User': 'root', 'X-Original-User-Id': '7', 'X-Other': 'stays' },
      },
    })
    expect(requestDelta).toEqual({ set: {}, removed: ['x-debug', 'x-internal-user', 'x-original-user-id'] })
  })

  test('makes a correlation identifier of a request identifier, unless that is too long to be one', async () => {
    const harness = await harnessOf('header-rewriter')
    const short = await harness.run({ request: { headers: { 'X-Request-Id': 'abc-123' } } })
    expect(short.requestDelta.set).toEqual({ 'x-correlation-id': 'abc-123' })
    const long = await harness.run({ request: { headers: { 'X-Request-Id': 'a'.repeat(257) } } })
    expect(long.requestDelta.set).toEqual({})
  })

  test('hides what made a reply and tells browsers to be careful', async () => {
    const harness = await harnessOf('header-rewriter')
    const { replyDelta } = await harness.run({ reply: { headers: { Server: 'thing/1.2', 'X-Powered-By': 'PHP' } } })
    expect(replyDelta.removed.toSorted()).toEqual(['server', 'x-powered-by'])
    expect(replyDelta.set).toEqual({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'strict-origin-when-cross-origin',
    })
  })

  test('faults rather than leaving a field that it may not remove', async () => {
    const harness = await harnessOf('header-rewriter', { capabilities: {}, selfTest: false })
    const run = await harness.run()
    expect([run.action, run.reply.status >= 500]).toEqual(['fault', true])
  })
})
