/** An option that is misspelt is refused, with its place: its default would hold, and nobody would see why. */
import {
  ipHash,
  leastConnections,
  maglev,
  peakEwma,
  preferZone,
  priorities,
  ringHash,
  stickySessions,
  subset,
} from '@sluice/balancers'
import { diskStore, httpCache, memoryStore, purgeMethod, redisStore, tieredStore } from '@sluice/cache'
import {
  ConfigError,
  createProxy,
  createUpstream,
  dnsTargets,
  forward,
  http2Transport,
  type Listener,
  Reply,
  undiciTransport,
  wireTransport,
} from '@sluice/core'
import { createPluginHost, plugin, type PluginManifest } from '@sluice/plugin-host'
import { concurrencyQuota, memoryStore as limitStore, rateLimit, redisStore as limitsInRedis } from '@sluice/rate-limit'
import {
  activeHealth,
  circuitBreaker,
  concurrencyLimit,
  deadline,
  hedge,
  outlierEjection,
  retry,
  routeBreaker,
  sendDeadline,
  shedLoad,
  slowStart,
} from '@sluice/resilience'
import { LOCALHOST_CERTIFICATE } from '@sluice/testing'
import { hsts, httpsRedirect } from '@sluice/transforms'
import { webSocket } from '@sluice/websocket'
import { expect, it, onTestFinished } from 'vitest'

/** Nothing asks for it, and no type knows it. */
const ODD: object = { odd: undefined }
const TARGETS = ['http://127.0.0.1:9']
const PAGES = createUpstream('pages', { targets: TARGETS })
const CACHE = httpCache({ store: memoryStore() })
const CLIENT = { pipeline: () => {}, duplicate: () => {} } as never
const MANIFEST: PluginManifest = { name: 'own', abi: 'sluice:v1', source: { bytes: new Uint8Array(0) } }
const anyone = (): boolean => true

const listen = (options: object): Promise<unknown> => {
  const proxy = createProxy().handle(() => Reply.text(''))
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  return proxy.listen({ host: '127.0.0.1', ...options })
}
const listening = async (): Promise<Listener> => (await listen({ tls: LOCALHOST_CERTIFICATE })) as Listener
const upstream = (options: object): unknown => createUpstream('users', { targets: TARGETS, ...options })

const PLACES: readonly (readonly [place: string, make: () => unknown])[] = [
  ['', () => createProxy(ODD)],
  ['forwarded', () => createProxy({ forwarded: ODD })],
  ['listen', () => listen(ODD)],
  ['listen.http2', () => listen({ http2: ODD })],
  ['listen.proxyProtocol', () => listen({ proxyProtocol: { trust: 'all', ...ODD } })],
  ['listen.tls', () => listen({ tls: { ...LOCALHOST_CERTIFICATE, ...ODD } })],
  ['listen.tls.certificates[0]', () => listen({ tls: { certificates: [{ ...LOCALHOST_CERTIFICATE, ...ODD }] } })],
  ['listen.tls', async () => (await listening()).setTls({ ...LOCALHOST_CERTIFICATE, ...ODD })],
  ['close', () => createProxy().close(ODD)],
  ['upstreams.users', () => upstream(ODD)],
  ['upstreams.users.targets[0]', () => upstream({ targets: [{ url: TARGETS[0], ...ODD }] })],
  ['upstreams.users.retryBudget', () => upstream({ retryBudget: ODD })],
  [`upstreams.pages.targets["${TARGETS[0]}"]`, () => PAGES.update(PAGES.snapshot().targets[0]!.key, ODD)],
  ['forward', () => forward(PAGES, ODD)],
  ['dnsTargets', () => dnsTargets({ hostname: 'a.example', ...ODD })],
  ['wireTransport', () => wireTransport(ODD)],
  ['wireTransport.tls', () => wireTransport({ tls: ODD })],
  ['undiciTransport', () => undiciTransport(ODD)],
  ['http2Transport', () => http2Transport(ODD)],
  ['http2Transport.tls', () => http2Transport({ tls: ODD })],
  ['wireTransport', () => http2Transport({ http1: ODD })],

  ['ipHash', () => ipHash(ODD)],
  ['maglev', () => maglev({ key: 'client-address', ...ODD })],
  ['peakEwma', () => peakEwma(ODD)],
  ['preferZone', () => preferZone({ zone: 'here', ...ODD })],
  ['priorities', () => priorities(ODD)],
  ['ringHash', () => ringHash({ key: 'client-address', ...ODD })],
  ['stickySessions', () => stickySessions({ secret: 'x'.repeat(32), ...ODD })],
  ['subset', () => subset({ by: ['version'], select: {}, balancer: leastConnections(), ...ODD })],

  ['activeHealth', () => activeHealth(ODD)],
  ['activeHealth.tls', () => activeHealth({ tls: ODD })],
  ['circuitBreaker', () => circuitBreaker(ODD)],
  ['concurrencyLimit', () => concurrencyLimit(ODD)],
  ['concurrencyLimit.max', () => concurrencyLimit({ max: ODD })],
  ['deadline', () => deadline({ timeoutMs: 1, ...ODD })],
  ['hedge', () => hedge(ODD)],
  ['hedge.budget', () => hedge({ budget: ODD })],
  ['outlierEjection', () => outlierEjection(ODD)],
  ['retry', () => retry(ODD)],
  ['retry.budget', () => retry({ budget: ODD })],
  ['routeBreaker', () => routeBreaker(ODD)],
  ['routeBreaker.fallback', () => routeBreaker({ fallback: ODD })],
  ['sendDeadline', () => sendDeadline({ header: 'x-timeout', ...ODD })],
  ['shedLoad', () => shedLoad(ODD)],
  ['shedLoad.classOf', () => shedLoad({ classOf: { header: 'priority', ...ODD } })],
  ['slowStart', () => slowStart(ODD)],

  ['httpCache', () => httpCache({ store: memoryStore(), ...ODD })],
  ['httpCache.key', () => httpCache({ store: memoryStore(), key: ODD })],
  ['httpCache.cacheStatus', () => httpCache({ store: memoryStore(), cacheStatus: ODD })],
  ['httpCache', () => CACHE.with(ODD)],
  ['purge', () => CACHE.purge({ all: true }, ODD)],
  ['memoryStore', () => memoryStore(ODD)],
  ['diskStore', () => diskStore({ directory: '/nowhere', ...ODD })],
  ['redisStore', () => redisStore({ client: CLIENT, ...ODD })],
  ['tieredStore', () => tieredStore({ memory: memoryStore(), behind: memoryStore(), ...ODD })],
  ['purgeMethod', () => purgeMethod({ cache: CACHE, allow: anyone, ...ODD })],

  ['rateLimit', () => rateLimit({ limit: 1, ...ODD })],
  ['rateLimit.policies[0]', () => rateLimit({ policies: [{ limit: 1, ...ODD }] })],
  ['rateLimit.bypass', () => rateLimit({ limit: 1, bypass: ODD })],
  ['rateLimit.bypass.header', () => rateLimit({ limit: 1, bypass: { header: { name: 'a', secrets: [], ...ODD } } })],
  ['rateLimit.key', () => rateLimit({ limit: 1, key: { header: 'a', ...ODD } })],
  ['rateLimit.replyCost', () => rateLimit({ limit: 1, replyCost: { header: 'a', ...ODD } })],
  ['concurrencyQuota', () => concurrencyQuota({ max: 1, ...ODD })],
  ['memoryStore', () => limitStore(ODD)],
  ['redisStore', () => limitsInRedis({ client: CLIENT, ...ODD })],

  ['pluginHost', () => createPluginHost(ODD)],
  ['pluginHost', () => plugin(MANIFEST, ODD)],

  ['hsts', () => hsts(ODD)],
  ['httpsRedirect', () => httpsRedirect(ODD)],
  ['webSocket', () => webSocket(ODD)],
  ['webSocket.frames', () => webSocket({ frames: ODD })],
]

it.each(PLACES)('%s', async (place, make) => {
  const refused = await (async () => make())().catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(ConfigError)
  expect((refused as ConfigError).path).toBe(place === '' ? 'odd' : `${place}.odd`)
  expect((refused as ConfigError).message).toContain('is not known: there are ')
})
