/** The signature is checked by Node's own HMAC, over a signature base that is put together here from RFC 9421. */
import { createHash, createHmac } from 'node:crypto'
import { virtualClock } from '@sluice/testing'
import { describe, expect, test, vi } from 'vitest'
import type { HarnessRequest } from '../../src/index.ts'
import { harnessOf } from './example-plugin.ts'

const SECRET = 'a secret of more than sixteen bytes'
const PARAMETERS =
  '("@method" "@request-target" "content-digest");created=1700000000;keyid="gateway-1";alg="hmac-sha256"'

async function signed(request: HarnessRequest) {
  vi.stubEnv('SIGNING_SECRET', SECRET)
  const harness = await harnessOf('hmac-signing', {}, { clock: virtualClock({ wallTime: 1_700_000_000_123 }) })
  const run = await harness.run({ request })
  expect(run.faults).toEqual([])
  return run
}

function expected(method: string, target: string, body: string | Uint8Array) {
  const digest = `sha-256=:${createHash('sha256').update(body).digest('base64')}:`
  const base = [
    `"@method": ${method}`,
    `"@request-target": ${target}`,
    `"content-digest": ${digest}`,
    `"@signature-params": ${PARAMETERS}`,
  ].join('\n')
  return {
    'content-digest': digest,
    'signature-input': `sluice=${PARAMETERS}`,
    signature: `sluice=:${createHmac('sha256', SECRET).update(base).digest('base64')}:`,
  }
}

// The first may have to wait for a compiler.
describe('signing with HMAC', { timeout: 60_000 }, () => {
  test('signs a request without a body', async () => {
    const run = await signed({ target: '/orders?page=2' })
    expect(run.requestDelta.set).toEqual(expected('GET', '/orders?page=2', ''))
  })

  // Lengths around those at which a block of the hash, or the part of a body that is read at once, ends.
  test.each([1, 54, 55, 56, 63, 64, 65, 119, 120, 128, 1_000, 65_535, 65_536, 65_537, 200_000])(
    'signs a body of %i bytes',
    async (length) => {
      const body = Uint8Array.from({ length }, (_, i) => (i * 31) % 251)
      const run = await signed({ method: 'POST', target: '/orders', body })
      expect(run.requestDelta.set).toMatchObject(expected('POST', '/orders', body))
    },
  )

  test('puts its signature in the place of what a client sent', async () => {
    const headers = { signature: 'sluice=:AAAA:', 'signature-input': 'sluice=()', 'content-digest': 'sha-256=:AAAA:' }
    const run = await signed({ target: '/', headers })
    expect(run.requestDelta.set).toEqual(expected('GET', '/', ''))
  })

  test('answers a target that is too long to be signed', async () => {
    const run = await signed({ target: `/${'a'.repeat(16_384)}` })
    expect([run.reply.status, run.forwarded]).toEqual([414, undefined])
  })

  test.each([undefined, 'too short'])('refuses to start with the secret %s', async (secret) => {
    vi.stubEnv('SIGNING_SECRET', secret)
    await expect(harnessOf('hmac-signing')).rejects.toThrow('SIGNING_SECRET')
  })
})
