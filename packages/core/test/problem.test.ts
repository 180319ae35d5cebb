import { describe, expect, it } from 'vitest'
import { createProxy, InternalError, problemReply, UpstreamError } from '../src/index.ts'

describe('Retry-After of a problem reply', () => {
  it.each([
    [undefined, undefined],
    [0, '1'],
    [1, '1'],
    [1_000, '1'],
    [1_000.5, '2'],
    [90_000, '90'],
  ])('is whole seconds, rounded up, and never 0: %s ms', (retryAfterMs, expected) => {
    const reply = problemReply(new InternalError('ERR_SLUICE_LOAD_SHED', { retryAfterMs }), 'sluice')
    expect(reply.headers.get('retry-after')).toBe(expected)
  })

  it('is there for an error that a middleware throws', async () => {
    const proxy = createProxy().handle(() => {
      throw new UpstreamError('ERR_SLUICE_QUEUE_FULL', { retryAfterMs: 2_500 })
    })
    const reply = await proxy.inject()
    expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '3'])
  })
})
