import { ConfigError, createProxy, type InjectedRequest, Reply } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { httpsRedirect, type HttpsRedirectOptions } from '../src/index.ts'

const SECURE = { peer: { secure: true } }

async function ask(request: InjectedRequest, options?: HttpsRedirectOptions, trust: readonly string[] = []) {
  const proxy = createProxy({ forwarded: { trust } })
    .use(httpsRedirect(options))
    .handle(() => Reply.text('served'))
  const { status, headers } = await proxy.inject(request)
  return [status, headers.get('location')]
}

describe('a redirect to HTTPS', () => {
  it.each<[InjectedRequest, string]>([
    [{ path: '/a/b?c=d%20e' }, 'https://example.com/a/b?c=d%20e'],
    [{ path: '/', headers: { Host: 'example.com:8080' } }, 'https://example.com/'],
    [{ path: '/', headers: { Host: '[::1]:8080' } }, 'https://[::1]/'],
    [{ path: '/', headers: { Host: '[::1]' } }, 'https://[::1]/'],
    [{ path: 'http://other.example/x', headers: { Host: 'other.example' } }, 'https://other.example/x'],
    [{ method: 'POST', path: '/form', body: 'x' }, 'https://example.com/form'],
  ])('leads %j to %s', async (request, location) => {
    expect(await ask({ headers: { Host: 'example.com' }, ...request })).toEqual([308, location])
  })

  it('leaves alone what came encrypted, here or at a trusted proxy', async () => {
    expect(await ask(SECURE)).toEqual([200, undefined])
    const forwarded = { headers: { 'X-Forwarded-Proto': 'https' } }
    expect(await ask(forwarded, {}, ['127.0.0.1'])).toEqual([200, undefined])
    expect((await ask(forwarded))[0]).toBe(308)
  })

  it('leaves alone the paths that are excepted, and only those', async () => {
    expect((await ask({ path: '/.well-known/acme-challenge/token' }))[0]).toBe(200)
    expect((await ask({ path: '/.well-known/acme-challenge/../../x' }))[0]).not.toBe(200)
    const except = ['/health', '/open/*']
    for (const [path, status] of [
      ['/health', 200],
      ['/health/x', 308],
      ['/open/x', 200],
      ['/opened', 308],
      ['/.well-known/acme-challenge/token', 308],
    ] as const)
      expect((await ask({ path }, { except }))[0]).toBe(status)
  })

  it('goes to another host and port with another status, where it is told to', async () => {
    const options = { host: 'secure.example', port: 8443, status: 301 } as const
    expect(await ask({ path: '/x' }, options)).toEqual([301, 'https://secure.example:8443/x'])
    expect(await ask({ path: '/x', httpVersion: '1.0' }, options)).toEqual([301, 'https://secure.example:8443/x'])
  })

  it('is none where nobody knows the host', async () => {
    expect(await ask({ path: '/x', httpVersion: '1.0' })).toEqual([400, undefined])
  })

  it.each<[string, HttpsRedirectOptions]>([
    ['httpsRedirect.status', { status: 303 as 302 }],
    ['httpsRedirect.port', { port: 0 }],
    ['httpsRedirect.host', { host: 'a.example:443' }],
    ['httpsRedirect.host', { host: 'a.example/path' }],
    ['httpsRedirect.except[1]', { except: ['/a', 'b'] }],
  ])('refuses a wrong option: %s', (path, options) => {
    expect(() => httpsRedirect(options)).toThrow(ConfigError)
    expect(() => httpsRedirect(options)).toThrow(`${path}:`)
  })
})
