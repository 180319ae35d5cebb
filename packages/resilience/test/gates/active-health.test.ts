import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createServer as createTlsServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProxy, createUpstream, type TargetConfig, type UpstreamOptions } from '@sluice/core'
import {
  certificateAuthority,
  hostileUpstream,
  listenUpstream,
  virtualClock,
  waitFor,
  type Answer,
  type HostileBehaviour,
  type UpstreamHandler,
} from '@sluice/testing'
import { afterEach, describe, expect, it } from 'vitest'
import {
  activeHealth,
  targetHealthChanged,
  type ActiveHealthOptions,
  type TargetHealthEvent,
  type TargetHealthSnapshot,
} from '../../src/index.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp()
})

async function listening(handler: UpstreamHandler = () => ({})) {
  const upstream = await listenUpstream(handler)
  cleanUps.push(() => upstream.close())
  return upstream
}

/** An upstream with active health whose clock stands still. */
function watch(
  targets: readonly (string | TargetConfig)[],
  options: ActiveHealthOptions = {},
  more: Partial<UpstreamOptions> = {},
) {
  const clock = virtualClock()
  const health = activeHealth({ jitter: 0, ...options })
  const upstream = createUpstream('pool', { targets, clock, random: () => 0, gates: [health], ...more })
  cleanUps.push(() => upstream.destroy())
  const admitted = () => upstream.snapshot().targets.map(({ admitted }) => admitted)
  const check = async (key?: string) => {
    const results = await health.checkNow(key)
    return Object.values(results)[0]!
  }
  const snapshot = () => upstream.gates[0]!.snapshot!() as Record<string, TargetHealthSnapshot>
  return { upstream, health, clock, admitted, check, snapshot }
}

describe('the verdict', () => {
  it('turns after so many probes in a row', async () => {
    let status = 200
    const { url } = await listening(() => ({ status }))
    const { check, admitted, upstream } = watch([url])
    expect(await check()).toMatchObject({ healthy: true, inARow: 1, problem: undefined, status: 200 })
    status = 500
    expect(await check()).toMatchObject({ healthy: true, inARow: 1, problem: 'the probe was answered with 500' })
    await check()
    expect(admitted()).toEqual([true])
    status = 200
    await check()
    status = 503
    await check()
    await check()
    expect(admitted()).toEqual([true])
    expect(await check()).toMatchObject({ healthy: false, inARow: 3 })
    expect(admitted()).toEqual([false])
    expect(upstream.snapshot().targets[0]!.reasons).toEqual(['unhealthy: the probe was answered with 503, 3 in a row'])
    status = 204
    await check()
    expect(admitted()).toEqual([false])
    expect(upstream.snapshot().targets[0]!.reasons).toEqual(['unhealthy: 1 of 2 probes in a row went well'])
    await check()
    expect(admitted()).toEqual([true])
  })

  it('is what the user says before the first probe, which can alone make a target healthy', async () => {
    const { url } = await listening()
    const { check, admitted, upstream } = watch([url], { initial: 'unhealthy', healthyAfter: 5 })
    expect(admitted()).toEqual([false])
    expect(upstream.snapshot().targets[0]!.reasons).toEqual(['not probed yet'])
    await check()
    expect(admitted()).toEqual([true])
  })

  it('is reported when it turns, and only then', async () => {
    const events: TargetHealthEvent[] = []
    const listener = (event: TargetHealthEvent) => void events.push(event)
    targetHealthChanged.subscribe(listener)
    cleanUps.push(() => targetHealthChanged.unsubscribe(listener))
    let status = 500
    const { url } = await listening(() => ({ status }))
    const { check } = watch([url], { unhealthyAfter: 2, healthyAfter: 1 })
    for (let i = 0; i < 4; i++) await check()
    status = 200
    for (let i = 0; i < 2; i++) await check()
    const common = { upstream: 'pool', target: url }
    expect(events).toEqual([
      { ...common, healthy: false, problem: 'the probe was answered with 500' },
      { ...common, healthy: true, problem: undefined },
    ])
  })

  it('keeps requests from a target that is unwell, with other targets and without', async () => {
    let status = 500
    const bad = await listening(({ path }) => ({ status: path === '/healthz' ? status : 200 }))
    const good = await listening()
    const { upstream, health, clock } = watch([bad.url, good.url], { path: '/healthz', unhealthyAfter: 1 })
    const proxy = createProxy({ clock }).forward(upstream)
    await health.checkNow()
    const ofClients = () => bad.requests.filter(({ path }) => path === '/').length
    for (let i = 0; i < 10; i++) expect((await proxy.inject({ path: '/' })).status).toBe(200)
    expect(ofClients()).toBe(0)
    upstream.update(good.url, { state: 'down' })
    expect((await proxy.inject({ path: '/' })).status).toBe(503)
    status = 200
    await health.checkNow()
    await health.checkNow()
    expect((await proxy.inject({ path: '/' })).status).toBe(200)
    expect(ofClients()).toBe(1)
    await proxy.close()
  })
})

describe('an HTTP probe', () => {
  it('is a GET of the root, on a connection of its own', async () => {
    const target = await listening()
    const { check } = watch([target.url])
    await check()
    await check()
    const [request] = target.requests
    expect(request).toMatchObject({ method: 'GET', path: '/' })
    expect(request!.header('host')).toBe(target.url.slice('http://'.length))
    expect(request!.header('user-agent')).toBe('sluice-health')
    expect(request!.header('connection')).toBe('close')
    expect(target.totalConnections).toBe(2)
    await waitFor(() => target.connections === 0)
  })

  it('sends what it is told to, behind the base path', async () => {
    const target = await listening()
    const { check } = watch([`${target.url}/app/`], {
      method: 'OPTIONS',
      path: '/healthz?deep=1',
      host: 'app.example.com',
      headers: { 'X-Probe': 'yes', 'User-Agent': 'me' },
    })
    expect(await check()).toMatchObject({ problem: undefined })
    const [request] = target.requests
    expect(request).toMatchObject({ method: 'OPTIONS', path: '/app/healthz?deep=1' })
    const fields = ['host', 'x-probe', 'user-agent'].map((name) => request!.header(name))
    expect(fields).toEqual(['app.example.com', 'yes', 'me'])
  })

  it('goes to another port where it is told to', async () => {
    const [target, admin] = [await listening(() => ({ status: 500 })), await listening()]
    const { check } = watch([target.url], { port: admin.port })
    expect(await check()).toMatchObject({ healthy: true, status: 200 })
    expect(target.totalConnections).toBe(0)
    expect(admin.requests[0]!.header('host')).toBe(`127.0.0.1:${admin.port}`)
  })

  it('goes through the socket of a target that has one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-'))
    const socketPath = join(folder, 's')
    const hosts: (string | undefined)[] = []
    const server = createServer(({ headers }, response) => {
      hosts.push(headers.host)
      response.end()
    }).listen(socketPath)
    await once(server, 'listening')
    cleanUps.push(async () => {
      server.close()
      await rm(folder, { recursive: true })
    })
    expect(await watch([{ url: 'http://app.test', socketPath }]).check()).toMatchObject({
      problem: undefined,
      status: 200,
    })
    expect(hosts).toEqual(['app.test'])
    const tcp = watch([{ url: 'http://app.test', socketPath }], { type: 'tcp' })
    expect(await tcp.check()).toMatchObject({ problem: undefined, inARow: 1 })
  })

  it('verifies the certificate of an https target, by the name of its URL and not by the Host field', async () => {
    const asked: unknown[] = []
    const authority = certificateAuthority()
    const localhost = authority.issue({ names: ['localhost', '127.0.0.1'] })
    const server: Server = createTlsServer(localhost, ({ socket }, response) => {
      asked.push('servername' in socket && socket.servername)
      response.end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    cleanUps.push(() => server.close())
    const url = `https://localhost:${(server.address() as AddressInfo).port}`
    const tls = { ca: authority.cert }
    const check = async (options: ActiveHealthOptions) => (await watch([url], options).check()).problem
    expect(await check({})).toMatch(/^the probe failed with UNABLE_TO_VERIFY_LEAF_SIGNATURE$/)
    expect(await check({ tls, host: 'app.example.com' })).toBeUndefined()
    expect(asked).toEqual(['localhost'])
    expect(await check({ tls: { ...tls, servername: 'app.example.com' } })).toMatch(/ERR_TLS_CERT_ALTNAME_INVALID$/)
    expect(await check({ tls: { acceptAnyCertificate: true } })).toBeUndefined()
    expect(await check({ type: 'tcp' })).toBeUndefined()
  })

  it.each<[statuses: ActiveHealthOptions['statuses'], status: number, isWell: boolean]>([
    [undefined, 299, true],
    [undefined, 301, false],
    [undefined, 404, false],
    [[200, '401-403'], 402, true],
    [[200, '401-403'], 201, false],
    [['4xx'], 418, true],
  ])('takes %j: %i is well: %s', async (statuses, status, isWell) => {
    const { url } = await listening(() => ({ status }))
    const { check } = watch([url], statuses === undefined ? {} : { statuses })
    expect((await check()).problem === undefined).toBe(isWell)
  })

  it('does not follow a redirect', async () => {
    const elsewhere = await listening()
    const target = await listening(() => ({ status: 302, headers: { Location: elsewhere.url } }))
    expect((await watch([target.url]).check()).problem).toBe('the probe was answered with 302')
    expect((await watch([target.url], { statuses: [302] }).check()).problem).toBeUndefined()
    expect(elsewhere.totalConnections).toBe(0)
  })

  it.each<[options: ActiveHealthOptions, body: string, isWell: boolean]>([
    [{ bodyIncludes: 'ok' }, 'all ok here', true],
    [{ bodyIncludes: 'ok' }, 'OK', false],
    [{ bodyPattern: '^ok$' }, 'ok', true],
    [{ bodyPattern: '^ok$' }, 'not ok', false],
    [{ bodyPattern: /^OK$/gi }, 'ok', true],
    [{ bodyPattern: '"db":\\s*"up"', bodyIncludes: '"cache"' }, '{"db": "up"}', false],
    [{ bodyPattern: '"db":\\s*"up"', bodyIncludes: '"cache"' }, '{"db": "up", "cache": 1}', true],
    [{ bodyIncludes: 'end', maxBodyBytes: 10 }, '0123456 end', false],
    [{ bodyIncludes: 'end', maxBodyBytes: 11 }, '0123456 end', true],
  ])('with %j and the body %j is well: %s', async (options, body, isWell) => {
    const { url } = await listening(() => ({ body }))
    const { check } = watch([url], options)
    // Twice: an expression must not remember where it stopped.
    for (let i = 0; i < 2; i++) {
      expect((await check()).problem).toBe(isWell ? undefined : "the probe's answer has an unexpected body")
    }
  })

  /** Ten bytes, then nothing more. */
  const slow = (): Answer => ({
    body: (async function* () {
      yield '0123456789'
      await new Promise(() => {})
    })(),
  })

  it('reads no more of a body than its bound, and does not wait for the rest', async () => {
    const target = await listening(slow)
    expect((await watch([target.url], { maxBodyBytes: 10, bodyIncludes: '9' }).check()).problem).toBeUndefined()
    await waitFor(() => target.connections === 0)
  })

  it('reads nothing of the body behind a status that is wrong', async () => {
    const target = await listening(() => ({ ...slow(), status: 500 }))
    expect((await watch([target.url]).check()).problem).toBe('the probe was answered with 500')
    await waitFor(() => target.connections === 0)
  })

  it('waits for what is within the bound, as long as it may', async () => {
    const target = await listening(slow)
    const { check, clock } = watch([target.url], { maxBodyBytes: 11, timeoutMs: 700 })
    const checked = check()
    await waitFor(() => target.requests.length === 1)
    await clock.advanceAsync(699)
    expect(target.connections).toBe(1)
    await clock.advanceAsync(1)
    expect(await checked).toMatchObject({ problem: 'the probe took longer than 700 ms', durationMs: 700 })
    await waitFor(() => target.connections === 0)
  })

  it.each<[HostileBehaviour['kind'], problem: RegExp]>([
    ['refuse', /^the probe failed with ECONNREFUSED$/],
    ['reset-on-accept', /^the probe failed with (ECONNRESET|UND_ERR_SOCKET|EPIPE)$/],
    ['reset-after-head-received', /^the probe failed with (ECONNRESET|UND_ERR_SOCKET)$/],
    ['reset-mid-head', /^the probe failed with (ECONNRESET|UND_ERR_SOCKET|HPE_\w+)$/],
    ['reset-mid-body', /^the probe failed with (ECONNRESET|UND_ERR_SOCKET)$/],
    ['fin-mid-body', /^the probe failed with UND_ERR_\w+$/],
    ['fin-between-chunks', /^the probe failed with UND_ERR_\w+$/],
    ['bad-status-line', /^the probe failed with HTTPParserError$/],
    ['huge-head', /^the probe failed with UND_ERR_HEADERS_OVERFLOW$/],
  ])('fails on %s', async (kind, problem) => {
    const target = await hostileUpstream({ kind } as HostileBehaviour)
    cleanUps.push(() => target.close())
    const { check } = watch([target.url])
    expect((await check()).problem).toMatch(problem)
    await waitFor(() => target.connections === 0)
  })

  it.each<HostileBehaviour>([
    { kind: 'hang-connect' },
    { kind: 'accept-and-hang' },
    { kind: 'stall-mid-body' },
    { kind: 'drip', part: 'head', everyMs: 50 },
  ])('is given up in time on $kind', async (behaviour) => {
    const target = await hostileUpstream(behaviour)
    cleanUps.push(() => target.close())
    const { check, clock } = watch([target.url])
    const checked = check()
    if (behaviour.kind !== 'hang-connect') await waitFor(() => (target.received[0]?.length ?? 0) > 0)
    await clock.advanceAsync(2_000)
    expect(await checked).toMatchObject({ problem: 'the probe took longer than 2000 ms', status: undefined })
    await waitFor(() => target.connections === 0)
  })
})

describe('a TCP probe', () => {
  it('is well when it is accepted, and says nothing', async () => {
    const target = await hostileUpstream({ kind: 'accept-and-hang' })
    cleanUps.push(() => target.close())
    const { check } = watch([target.url], { type: 'tcp' })
    expect(await check()).toMatchObject({ healthy: true, inARow: 1, problem: undefined, status: undefined })
    await waitFor(() => target.connections === 0)
    expect(target.received.map(({ length }) => length)).toEqual([0])
  })

  it('goes to another port where it is told to, and fails where that refuses', async () => {
    const target = await listening()
    const refusing = await hostileUpstream({ kind: 'refuse' })
    cleanUps.push(() => refusing.close())
    const { check, admitted } = watch([target.url], { type: 'tcp', port: refusing.port, unhealthyAfter: 1 })
    expect(await check()).toMatchObject({ problem: 'the probe failed with ECONNREFUSED' })
    expect(admitted()).toEqual([false])
    expect(target.totalConnections).toBe(0)
  })

  it('is given up in time', async () => {
    const target = await hostileUpstream({ kind: 'hang-connect' })
    cleanUps.push(() => target.close())
    const { check, clock } = watch([target.url], { type: 'tcp' })
    const checked = check()
    await clock.advanceAsync(2_000)
    expect(await checked).toMatchObject({ problem: 'the probe took longer than 2000 ms' })
  })
})

describe('the schedule', () => {
  it('probes at once, then after each interval', async () => {
    const target = await listening()
    const { clock, snapshot } = watch([target.url], { intervalMs: 1_000 })
    const probed = async (times: number) => {
      await waitFor(() => target.requests.length === times && (snapshot()[target.url]?.inARow ?? 0) === times)
    }
    await clock.advanceAsync(0)
    await probed(1)
    await clock.advanceAsync(999)
    expect(target.requests).toHaveLength(1)
    await clock.advanceAsync(1)
    await probed(2)
    await clock.advanceAsync(1_000)
    await probed(3)
  })

  it('counts the interval from the beginning of a probe', async () => {
    const answer = Promise.withResolvers<void>()
    const target = await listening(() => ({ hold: answer.promise }))
    const { clock, snapshot } = watch([target.url], { intervalMs: 1_000 })
    await clock.advanceAsync(0)
    await waitFor(() => target.requests.length === 1)
    await clock.advanceAsync(400)
    answer.resolve()
    await waitFor(() => snapshot()[target.url]?.durationMs === 400)
    await clock.advanceAsync(599)
    expect(target.requests).toHaveLength(1)
    await clock.advanceAsync(1)
    await waitFor(() => target.requests.length === 2)
  })

  it('varies the interval by chance', async () => {
    for (const [dice, intervalMs] of [
      [0, 800],
      [0.5, 1_000],
      [0.75, 1_100],
    ] as const) {
      const target = await listening()
      const options = { intervalMs: 1_000, jitter: 0.2 }
      const { clock, snapshot } = watch([target.url], options, { random: () => dice })
      await clock.advanceAsync(0)
      await waitFor(() => snapshot()[target.url]?.inARow === 1)
      await clock.advanceAsync(intervalMs - 1)
      expect(target.requests).toHaveLength(1)
      await clock.advanceAsync(1)
      await waitFor(() => target.requests.length === 2)
    }
  })

  it('spreads the first probes of many targets over the interval', async () => {
    const target = await listening(() => ({ hang: true }))
    const targets = Array.from({ length: 100 }, (_, i) => `${target.url}/${i}`)
    const { clock } = watch(targets, { intervalMs: 500, maxConcurrentProbes: 1_000 })
    await clock.advanceAsync(100)
    await waitFor(() => target.requests.length === 21)
    await clock.advanceAsync(295)
    await waitFor(() => target.requests.length === 80)
    await clock.advanceAsync(100)
    await waitFor(() => target.requests.length === 100)
  })

  it('bounds how many are under way, and serves the others in turn', async () => {
    const target = await listening(() => ({ hang: true }))
    const targets = Array.from({ length: 5 }, (_, i) => `${target.url}/${i}`)
    const { clock, health } = watch(targets, { timeoutMs: 1_000, maxConcurrentProbes: 2 })
    const all = health.checkNow()
    const paths = () => target.requests.map(({ path }) => path).sort()
    await waitFor(() => target.requests.length === 2)
    await clock.advanceAsync(999)
    expect(paths()).toEqual(['/0/', '/1/'])
    for (const count of [4, 5]) {
      await clock.advanceAsync(1_000)
      await waitFor(() => target.requests.length === count)
      expect(target.connections).toBeLessThanOrEqual(2)
    }
    await clock.advanceAsync(1_000)
    expect(Object.values(await all).map(({ inARow }) => inARow)).toEqual([1, 1, 1, 1, 1])
  })

  it('pauses while a target is down by hand, and goes on at once when it is up', async () => {
    const target = await listening()
    const { clock, upstream, snapshot } = watch([target.url], { intervalMs: 1_000 })
    upstream.update(target.url, { state: 'down' })
    for (let i = 0; i < 5; i++) await clock.advanceAsync(1_000)
    expect(target.totalConnections).toBe(0)
    upstream.update(target.url, { state: 'up' })
    await clock.advanceAsync(0)
    await waitFor(() => snapshot()[target.url]?.inARow === 1)
    upstream.update(target.url, { state: 'drain' })
    await clock.advanceAsync(1_000)
    await waitFor(() => snapshot()[target.url]?.inARow === 2)
  })

  it('probes on demand, also what is down, and only whom it is asked about', async () => {
    const [one, two] = [await listening(), await listening()]
    const { health, upstream } = watch([one.url, two.url])
    upstream.update(two.url, { state: 'down' })
    const [first, again] = await Promise.all([health.checkNow(two.url), health.checkNow(two.url)])
    expect(Object.keys(first)).toEqual([two.url])
    expect(first).toEqual(again)
    // The second joined the first.
    expect([one.requests.length, two.requests.length]).toEqual([0, 1])
    expect(await health.checkNow('http://nobody.test')).toEqual({})
  })

  it('takes in targets that come later, and forgets those that go', async () => {
    const [one, two] = [await listening(), await listening()]
    const { clock, upstream, snapshot } = watch([one.url], { intervalMs: 1_000 })
    await clock.advanceAsync(0)
    await waitFor(() => snapshot()[one.url]?.inARow === 1)
    upstream.add({ url: two.url, state: 'drain' })
    await clock.advanceAsync(1_000)
    await waitFor(() => snapshot()[two.url]?.inARow === 1)
    await upstream.remove(one.url)
    expect(Object.keys(snapshot())).toEqual([two.url])
    one.reset()
    await clock.advanceAsync(5_000)
    expect(one.requests).toHaveLength(0)
  })

  it('gives up the probe of a target that goes', async () => {
    const [hanging, other] = [await listening(() => ({ hang: true })), await listening()]
    const { health, upstream } = watch([hanging.url, other.url])
    const checked = health.checkNow(hanging.url)
    await waitFor(() => hanging.requests.length === 1)
    await upstream.remove(hanging.url)
    await checked
    await waitFor(() => hanging.connections === 0)
  })

  it('ends with the upstream: no call is left, and no connection', async () => {
    const target = await listening(() => ({ hang: true }))
    const { clock, health, upstream } = watch([target.url, `${target.url}/2`], { maxConcurrentProbes: 1 })
    const checked = health.checkNow()
    await waitFor(() => target.requests.length === 1)
    expect(clock.pending).toBeGreaterThan(0)
    await upstream.destroy()
    await checked
    expect(clock.pending).toBe(0)
    expect(await health.checkNow()).toEqual({})
    await waitFor(() => target.connections === 0)
    expect(target.requests).toHaveLength(1)
  })

  it('does not keep the process alive, not even with a probe that waits for its answer', async () => {
    const target = await listening(() => ({ hang: true }))
    const program = `
      import { createUpstream } from '@sluice/core'
      import { activeHealth } from '@sluice/resilience'
      createUpstream('pool', { targets: ['${target.url}'], gates: [activeHealth({ timeoutMs: 60_000 })] })
      process.stdin.resume()`
    const child = execFile(process.execPath, ['--input-type=module', '-e', program], { cwd: import.meta.dirname })
    cleanUps.push(() => child.kill('SIGKILL'))
    await waitFor(() => target.requests.length === 1, { timeoutMs: 5_000 })
    const exited = once(child, 'exit')
    child.stdin!.end()
    expect(await exited).toEqual([0, null])
  })
})

it.each<[path: string, options: ActiveHealthOptions]>([
  ['type', { type: 'udp' as 'tcp' }],
  ['initial', { initial: 'up' as 'healthy' }],
  ['port', { port: 0 }],
  ['port', { port: 65_536 }],
  ['intervalMs', { intervalMs: 0 }],
  ['jitter', { jitter: 0.6 }],
  ['timeoutMs', { timeoutMs: Number.NaN }],
  ['unhealthyAfter', { unhealthyAfter: 0 }],
  ['healthyAfter', { healthyAfter: 1.5 }],
  ['maxConcurrentProbes', { maxConcurrentProbes: 0 }],
  ['path', { path: 'healthz' }],
  ['path', { path: '/a b' }],
  ['path', { path: '/a\r\nX: y' }],
  ['method', { method: 'GET /' }],
  ['method', { method: 'CONNECT' }],
  ['host', { host: 'a\r\nb' }],
  ['headers', { headers: { 'X Y': '1' } }],
  ['headers', { headers: { Host: 'x' } }],
  ['headers', { headers: { 'Transfer-Encoding': 'chunked' } }],
  ['headers.X', { headers: { X: 'a\nb' } }],
  ['statuses[0]', { statuses: ['ok'] }],
  ['bodyPattern', { bodyPattern: '(' }],
  ['maxBodyBytes', { maxBodyBytes: 0 }],
  ['tls', { tls: { cert: 'nonsense' } }],
])('refuses activeHealth.%s: %j', (path, options) => {
  expect(() => activeHealth(options)).toThrow(
    expect.objectContaining({ path: `activeHealth.${path}`, code: 'ERR_SLUICE_CONFIG' }),
  )
})
