/** A guard and an upstream agree on the path, or the request does not get there. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createProxy, createUpstream, type PathAmbiguity } from '@sluice/core'
import { rawClient } from '@sluice/testing'
import * as fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { accessRules, type AccessRule, type PathReading } from '../../src/access/access.ts'
import { compileGlob } from '../../src/access/path-glob.ts'
import { setUp } from '../set-up.ts'

const GUARD: AccessRule = { name: 'guarded', action: 'deny', path: '/guarded/*' }

/** What servers make of a target: with parameters taken off, decoded once or twice, with slashes merged, in small letters. */
function readingsOf(target: string): Set<string> {
  const paths = new Set<string>()
  const raw = target.split('?')[0]!
  const decoded = [raw, decode(raw), decode(decode(raw))]
  for (const path of decoded) {
    for (const each of [path, path.replaceAll('\\', '/')]) {
      for (const bare of [each, each.replace(/;[^/]*/g, ''), decode(raw.replace(/;[^/]*/g, ''))]) {
        for (const merged of [bare, bare.replace(/\/+/g, '/')]) {
          const resolved = new URL(`http://a.test/.${encodeURI(merged.split('\0')[0]!)}`).pathname
          paths
            .add(resolved)
            .add(resolved.toLowerCase())
            .add(resolved.replace(/(?<=.)\/$/, ''))
          paths.add(resolved.toLowerCase().replace(/(?<=.)\/$/, ''))
        }
      }
    }
  }
  return paths
}

function decode(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
}

const isGuarded = (path: string) => path === '/guarded' || path.startsWith('/guarded/')

describe('what reaches an upstream', () => {
  async function site(allowPaths: readonly PathAmbiguity[] = []) {
    const seen: string[] = []
    const server = createServer((request, reply) => {
      seen.push(request.url!)
      reply.end()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const upstream = createUpstream('upstream', { targets: [`http://127.0.0.1:${port}`] })
    const guard = accessRules({ rules: [GUARD], default: 'allow' })
    const proxy = createProxy()
    proxy.use(guard).route({ path: '/*', allowPaths }, (route) => route.forward(upstream))
    const { address } = await proxy.listen({ host: '127.0.0.1' })
    onTestFinished(async () => {
      await proxy.close({ drainMs: 0 })
      server.closeAllConnections()
      server.close()
    })
    return {
      seen,
      ask: async (target: string) => {
        const client = await rawClient({ port: address.port })
        client.write(`GET ${target} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`)
        const { status } = await client.readResponse()
        client.destroy()
        return status
      },
    }
  }

  it.each([
    '/guarded',
    '/guarded/',
    '/guarded/x',
    '/guarded?x',
    '/%67uarded/x',
    '/g%75%61rded',
    '/guarded%2fx',
    '/guarded%2Fx',
    '/guarded%5cx',
    '/guarded\\x',
    '/pub/../guarded',
    '/pub/..%2fguarded',
    '/pub/%2e%2e/guarded',
    '/pub/.%2e/guarded/x',
    '/pub/%252e%252e/guarded',
    '/%2567uarded',
    '/%25%36%37uarded',
    '/pub/..\\guarded',
    '/pub/..%5cguarded',
    '/pub/..;/guarded',
    '/pub/..;x=y/guarded',
    '/./guarded',
    '/.;/guarded',
    '/%2e/guarded',
    '//guarded',
    '///guarded/x',
    '/pub//../guarded',
    '/guarded%00',
    '/guarded%00.html',
    '/%c0%67uarded',
    '/%c1%a7uarded',
    '/%e0%81%a7uarded',
    '/guarded;x',
    '/guarded;x/y',
    '/guarded;jsessionid=1?z',
    '/guarded;/x',
    '/;x/guarded',
    '/;/guarded',
    '/;x/;y/guarded/z',
    '/guarded%3Bx',
    '/guarded%3bx/y',
    '/GUARDED',
    '/Guarded/x',
    '/%47UARDED/x',
    '/GUARDED;X/Y/',
    '/;X/Guarded/',
    'http://a.test/guarded',
    'http://a.test/guarded;x',
    'http://a.test//guarded',
  ])('is not %s', async (target) => {
    const { ask, seen } = await site()
    expect([403, 400]).toContain(await ask(target))
    expect(seen).toEqual([])
  })

  it.each([
    '/',
    '/pub',
    '/pub/guarded',
    '/guardedx',
    '/x;guarded',
    '/pub;/guarded/',
    '/pub?/guarded',
    '/caf%C3%A9',
    '/un/guarded;x',
  ])('is %s, as it was sent', async (target) => {
    const { ask, seen } = await site()
    expect(await ask(target)).toBe(200)
    expect(seen).toEqual([target])
  })

  it('is nothing that any server reads as guarded, whatever is put together', async () => {
    const piece = fc.constantFrom(
      'guarded',
      'Guarded',
      '%67uarded',
      'pub',
      'x',
      '/',
      '/',
      '/',
      '//',
      '..',
      '.',
      '%2e',
      '%2E%2e',
      '%2f',
      '%5c',
      '\\',
      ';',
      ';x',
      '%3b',
      '%3B',
      '%00',
      '%25',
      '%c0%af',
      '?',
      '=',
    )
    const { inject, fake } = setUp([accessRules({ rules: [GUARD], default: 'allow' })])
    let passed = 0
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 8 }), async (pieces) => {
        const target = `/${pieces.join('')}`
        const before = fake.requests.length
        const reply = await inject({ path: target })
        if (fake.requests.length === before) expect([400, 403]).toContain(reply.status)
        else {
          passed++
          expect(fake.requests.at(-1)?.path).toBe(target)
          expect([target, [...readingsOf(target)].filter(isGuarded)]).toEqual([target, []])
        }
      }),
      { numRuns: 2_000 },
    )
    // Not for want of requests that pass.
    expect(passed).toBeGreaterThan(100)
  })
})

describe('the readings of a path', () => {
  const statusesBy = async (readings: readonly PathReading[], ...paths: string[]) => {
    const { statusOf } = setUp([
      accessRules({
        rules: [GUARD, { name: 'Files', action: 'deny', path: '/Files/:id' }],
        default: 'allow',
        readings,
      }),
    ])
    return await Promise.all(paths.map(async (path) => await statusOf(path)))
  }
  const PATHS = ['/guarded/x', '/guarded;x', '/GUARDED', '/files/1', '/Files/1/']

  it('are all of them by default, and none where that is said', async () => {
    expect(await statusesBy([], ...PATHS)).toEqual([403, 200, 200, 200, 200])
    expect(await statusesBy(['path-parameters'], ...PATHS)).toEqual([403, 403, 200, 200, 200])
    expect(await statusesBy(['letter-case'], ...PATHS)).toEqual([403, 200, 403, 403, 200])
    expect(await statusesBy(['trailing-slash'], ...PATHS)).toEqual([403, 200, 200, 200, 403])
    expect(await statusesBy(['path-parameters', 'letter-case', 'trailing-slash'], ...PATHS)).toEqual([
      403, 403, 403, 403, 403,
    ])
  })

  it('make no way around a rule by one that allows in front of it', async () => {
    const rules: AccessRule[] = [
      { name: 'open', action: 'allow', path: '/Admin/*' },
      { name: 'closed', action: 'deny', path: '/admin/*' },
    ]
    const { statusOf } = setUp([accessRules({ rules, default: 'allow' })])
    // A server that takes parameters off and tells letters apart would serve the closed one.
    expect(await statusOf('/admin;x/secret')).toBe(403)
    expect([await statusOf('/Admin/page'), await statusOf('/admin/page')]).toEqual([200, 403])
  })

  it('let pass what is allowed as it stands and in every other reading', async () => {
    const rules: AccessRule[] = [
      { name: 'files', action: 'allow', path: ['/Files/*', '/dir/', '/caf%C3%A9/:Id'] },
      { name: 'globs', action: 'allow', glob: '/Img/**/*.PNG' },
    ]
    const { statusOf } = setUp([accessRules({ rules, default: 'deny' })])
    for (const path of ['/Files/a', '/Files/A;v=1/', '/dir/', '/caf%C3%A9/X', '/Img/A/b.PNG'])
      expect([path, await statusOf(path)]).toEqual([path, 200])
    for (const path of ['/files/a', '/dir', '/img/a/b.png', '/caf%C3%89/x'])
      expect([path, await statusOf(path)]).toEqual([path, 403])
  })
})

describe('globs', () => {
  it.each([
    ['/a/*', ['/a/b', '/a/'], ['/a', '/a/b/c', '/ab']],
    ['/a/**', ['/a', '/a/', '/a/b/c'], ['/ab', '/b/a']],
    ['/**', ['/', '/a', '/a/b'], []],
    ['/**/x', ['/x', '/a/x', '/a/b/x'], ['/x/a', '/ax']],
    ['/a/**/b/**/c', ['/a/b/c', '/a/1/b/2/3/c', '/a/b/b/c/c'], ['/a/c', '/a/b/c/d']],
    ['/*.php', ['/x.php', '/.php', '/x.php.php'], ['/x.ph', '/x.php/']],
    ['/v?/*-*', ['/v1/a-b', '/vx/-'], ['/v/a-b', '/v12/a-b', '/v1/ab']],
    ['/café', ['/caf%C3%A9'], ['/cafe']],
    ['/a b*', ['/a b'], []],
  ])('%s', (glob, matching, others) => {
    if (glob.includes(' '))
      return expect(() => compileGlob(glob, 'glob')).toThrow(expect.objectContaining({ path: 'glob' }))
    const matches = compileGlob(glob, 'glob')
    expect(matching.filter((path) => !matches(path))).toEqual([])
    expect(others.filter((path) => matches(path))).toEqual([])
  })

  it('take a time that the path’s length bounds, whatever it is', () => {
    const matches = compileGlob('/**/*a*a*a*a*a*a*b/**/c/**/*a*a*a*b', 'glob')
    const path = `/${'a'.repeat(200)}`.repeat(40)
    const start = process.cpuUsage()
    expect(matches(path)).toBe(false)
    expect(process.cpuUsage(start).user).toBeLessThan(500_000)
  })
})
