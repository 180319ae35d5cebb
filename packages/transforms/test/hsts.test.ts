import { ConfigError, createProxy, Reply } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { hsts, type HstsOptions } from '../src/index.ts'

async function fieldsFor(secure: boolean, options?: HstsOptions, own?: string) {
  const headers = own === undefined ? {} : { 'Strict-Transport-Security': own }
  const proxy = createProxy()
    .use(hsts(options))
    .handle(() => Reply.text('served', { headers }))
  return (await proxy.inject({ peer: { secure } })).headers.getAll('strict-transport-security')
}

describe('HSTS', () => {
  it.each<[HstsOptions | undefined, string]>([
    [undefined, 'max-age=31536000'],
    [{ maxAgeMs: 0 }, 'max-age=0'],
    [{ maxAgeMs: 1_999, includeSubDomains: true }, 'max-age=1; includeSubDomains'],
    [{ includeSubDomains: true, preload: true }, 'max-age=31536000; includeSubDomains; preload'],
  ])('of %j is %s', async (options, value) => {
    expect(await fieldsFor(true, options)).toEqual([value])
  })

  it('is not set over plain HTTP', async () => {
    expect(await fieldsFor(false)).toEqual([])
  })

  it('takes the place of what a target says', async () => {
    expect(await fieldsFor(true, {}, 'max-age=1')).toEqual(['max-age=31536000'])
  })

  it.each<[string, HstsOptions]>([
    ['hsts.maxAgeMs', { maxAgeMs: -1 }],
    ['hsts.maxAgeMs', { maxAgeMs: Number.NaN }],
    ['hsts.preload', { preload: true }],
    ['hsts.preload', { preload: true, includeSubDomains: true, maxAgeMs: 86_400_000 }],
  ])('refuses a wrong option: %s', (path, options) => {
    expect(() => hsts(options)).toThrow(ConfigError)
    expect(() => hsts(options)).toThrow(`${path}:`)
  })
})
