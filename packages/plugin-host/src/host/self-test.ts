/**
 * Tries a version before it serves: on requests of its manifest's making, through a proxy of its own, with keys and values
 * that are thrown away afterwards, and without a network. A fault, or another outcome than is expected, refuses it.
 */
import { createProxy, defineMiddleware, type InjectedReply, PluginError, Reply } from '@sluice/core'
import { Body, HeaderList } from '@sluice/wire'
import type { PluginHooks } from '../exchange/plugin-hooks.ts'
import { PluginRun } from '../exchange/plugin-run.ts'
import { PluginVersion } from '../exchange/plugin-version.ts'
import { ExtismVariables } from '../foreign/extism-variables.ts'
import type { PluginServices } from '../host-functions/guest.ts'
import { OutboundError, type OutboundSender } from '../http/outbound.ts'
import { PluginHttp } from '../http/plugin-http.ts'
import { memoryKvStore } from '../kv/memory-kv-store.ts'
import { PluginKv } from '../kv/plugin-kv.ts'
import type { SelfTestCase } from '../manifest/manifest.ts'
import type { ResolvedManifest } from '../manifest/resolve-manifest.ts'
import { PluginMetrics } from '../observe/plugin-metrics.ts'
import { PluginStats } from '../observe/plugin-stats.ts'
import { type VersionObserver, VersionReports } from '../observe/version-reports.ts'
import type { CompiledModule } from '../runtime/plugin-runtime.ts'
import type { HostSettings } from './host-options.ts'
import { newRunner } from './new-runner.ts'

/** What is tried. */
export interface SelfTestParts {
  readonly manifest: ResolvedManifest
  readonly module: CompiledModule
  readonly hooks: PluginHooks
  readonly sha256: string
  readonly settings: HostSettings
}

const NO_NETWORK: OutboundSender = {
  send: () => Promise.reject(new OutboundError('cancelled')),
  close: () => Promise.resolve(),
}

/** @throws {PluginError} `ERR_SLUICE_PLUGIN_REFUSED` */
export async function selfTest(parts: SelfTestParts): Promise<void> {
  const { manifest } = parts
  if (manifest.selfTest.length === 0) return
  let fault: PluginError | undefined
  const observer: VersionObserver = {
    isPublic: false,
    wantsCalls: false,
    called() {},
    faulted: ({ error }) => (fault ??= error),
    breakerChanged() {},
  }
  const reports = new VersionReports(manifest, new PluginStats(), observer)
  const services = scratchServices(parts)
  const runner = newRunner({ services, module: parts.module, metrics: () => ({}), isTrial: true })
  const version = new PluginVersion({ ...parts, services, reports, newRunner: runner })
  try {
    await version.open()
    for (const [index, each] of manifest.selfTest.entries()) {
      const problem = await tryCase(version, each, parts.settings)
      if (fault !== undefined) throw refused(manifest, index, fault.message, fault)
      if (problem !== undefined) throw refused(manifest, index, problem)
    }
  } finally {
    version.retire(() => {})
  }
}

function scratchServices({ manifest, settings }: SelfTestParts): PluginServices {
  const { clock, random } = settings
  const { kv, http, maxMetrics } = manifest.capabilities
  const metrics = new PluginMetrics(manifest.name)
  metrics.maxNames = maxMetrics
  return {
    manifest,
    clock,
    random,
    kv: kv && new PluginKv(memoryKvStore(clock), clock, manifest.name, kv),
    http: http && new PluginHttp(NO_NETWORK, clock, http),
    metrics,
    variables: new ExtismVariables(manifest.limits.stateBytes),
    log() {},
    denials: 0,
  }
}

/** What is wrong with the outcome, where anything is. */
async function tryCase(
  version: PluginVersion,
  { request = {}, reply = {}, expect = {} }: SelfTestCase,
  { clock, random }: HostSettings,
): Promise<string | undefined> {
  let forwarded = new HeaderList()
  const tried = defineMiddleware('plugin', (exchange, next) =>
    new PluginRun(exchange, version, next, undefined).start(),
  )
  const proxy = createProxy({ clock, random })
    .use(tried)
    .handle(async ({ request }) => {
      forwarded = request.headers
      // A body that is hooked as it flows is only seen by the plugin where somebody reads it.
      await request.body.bytes()
      return new Reply(reply.status ?? 200, new HeaderList(reply.headers), Body.of(reply.body ?? ''))
    })
  const { method = 'GET', target = '/', headers, body } = request
  const injected = await proxy.inject({
    method,
    path: target,
    ...(headers === undefined ? {} : { headers }),
    ...(body === undefined ? {} : { body }),
  })
  const text = await injected.text()
  return mismatch(injected, text, forwarded, expect)
}

function mismatch(
  reply: InjectedReply,
  text: string,
  forwarded: HeaderList,
  { status, requestHeaders = {}, replyHeaders = {}, body }: NonNullable<SelfTestCase['expect']>,
): string | undefined {
  if (status !== undefined && reply.status !== status) return `the status is ${reply.status}, not ${status}`
  if (body !== undefined && text !== body) return `the body is ${JSON.stringify(text.slice(0, 200))}`
  return fieldMismatch('request', forwarded, requestHeaders) ?? fieldMismatch('reply', reply.headers, replyHeaders)
}

function fieldMismatch(of: string, found: HeaderList, expected: Readonly<Record<string, string>>): string | undefined {
  const wrong = Object.entries(expected).find(([name, value]) => found.get(name) !== value)
  return wrong && `the ${of} field ${wrong[0]} is ${JSON.stringify(found.get(wrong[0]) ?? null)}`
}

function refused({ name: plugin }: ResolvedManifest, index: number, problem: string, cause?: Error): PluginError {
  const message = `plugin "${plugin}" fails its self-test, case ${index}: ${problem}`
  return new PluginError('ERR_SLUICE_PLUGIN_REFUSED', { message, cause, plugin })
}
