/**
 * A plugin under test: the same code as in a proxy, from the manifest's check to the last host function, but no sockets.
 *
 *     const harness = await createPluginHarness(bytes, { capabilities: { requestHeaders: { write: ['x-*'] } } })
 *     const run = await harness.run({ request: { headers: { cookie: 'a=1' } } })
 *     assert.deepEqual(run.request.delta.set, { 'x-bucket': 'b' })
 *     await harness.close()
 */
import { createProxy, defineMiddleware, defineSlot, type PluginError, Reply, type Slot } from '@sluice/core'
import { Body, HeaderList, type HeaderListInit } from '@sluice/wire'
import type { HookName } from '../abi/sluice-v1.ts'
import type { HookAction, PluginLogEvent } from '../events.ts'
import { type PluginHostOptions, resolveHostOptions } from '../host/host-options.ts'
import { Host } from '../host/plugin-host.ts'
import { pluginMiddleware } from '../host/plugin-middleware.ts'
import type { PluginSnapshot } from '../host/plugin-slot.ts'
import type { PluginManifest } from '../manifest/manifest.ts'
import { resolveManifest } from '../manifest/resolve-manifest.ts'
import type { VersionObserver } from '../observe/version-reports.ts'
import { type HeadDelta, headDelta } from './head-delta.ts'

/** A manifest in which what a test has no need of is left out. The self-test is off. */
export type HarnessManifest = Partial<Omit<PluginManifest, 'source'>>

/** Clock, dice, store and network, where a test wants its own. */
export type HarnessOptions = Omit<PluginHostOptions, 'onLog'>

/** A request to run through the plugin. */
export interface HarnessRequest {
  /** @default 'GET' */
  readonly method?: string
  /** @default '/' */
  readonly target?: string
  /** `Host: localhost` is added. */
  readonly headers?: HeaderListInit
  readonly body?: string | Uint8Array | Body
  /** The client's address. @default '127.0.0.1' */
  readonly address?: string
}

/** What the upstream answers. */
export interface HarnessReply {
  /** @default 200 */
  readonly status?: number
  readonly headers?: HeaderListInit
  readonly body?: string | Uint8Array | Body
}

/** One call of a hook. */
export interface HarnessCall {
  readonly hook: HookName
  readonly action: HookAction
  /** Instructions that it took. */
  readonly fuel: number
  readonly durationMs: number
}

/** What came of a run. */
export interface HarnessRun {
  /** `respond` where the plugin answered, `fault` where it failed, `skip` where it wanted no more; else `continue`. */
  readonly action: HookAction
  /** The hooks that were called, in their order. */
  readonly calls: readonly HarnessCall[]
  /** Of all calls. */
  readonly fuel: number
  readonly logs: readonly { readonly level: string; readonly message: string }[]
  /** What `set_result` was given. */
  readonly result: unknown
  readonly faults: readonly PluginError[]
  /** As it would have been forwarded; missing where it would not. */
  readonly forwarded:
    | { readonly method: string; readonly target: string; readonly headers: HeaderList; readonly body: string }
    | undefined
  /** What the plugin changed in the request's head; empty where it was not forwarded. */
  readonly requestDelta: HeadDelta
  /** As the client would have got it; a body that breaks off is an error. */
  readonly reply: { readonly status: number; readonly headers: HeaderList; readonly body: string }
  /** What it changed in the reply's head; of an answer of its own, all of it. */
  readonly replyDelta: HeadDelta
}

/** A plugin under test. */
export interface PluginHarness {
  /** Runs one exchange through it. */
  run(exchange?: { readonly request?: HarnessRequest; readonly reply?: HarnessReply }): Promise<HarnessRun>
  snapshot(): PluginSnapshot
  close(): Promise<void>
}

/**
 * Loads a plugin for tests.
 * @throws {ConfigError} and {@link PluginError}s, as `PluginHost.load` does
 */
export async function createPluginHarness(
  bytes: Uint8Array,
  manifest: HarnessManifest = {},
  options: HarnessOptions = {},
): Promise<PluginHarness> {
  const recorder = new Recorder()
  const host = new Host(resolveHostOptions({ ...options, onLog: (entry) => recorder.logged(entry) }), recorder)
  const complete = { name: 'test', abi: 'sluice:v1', selfTest: false, ...manifest, source: { bytes } } as const
  const place = host.begin(resolveManifest(complete))
  await place.ready
  const run: PluginHarness['run'] = async ({ request = {}, reply = {} } = {}) => {
    recorder.begin()
    let requestBefore = new HeaderList()
    let replyBefore = new HeaderList()
    let forwarded: HarnessRun['forwarded']
    let result: unknown
    const outside = defineMiddleware('outside', (exchange, next) => {
      requestBefore = exchange.request.headers.copy()
      return next(exchange)
    })
    const proxy = createProxy(pick(options))
      .use(outside)
      .use(pluginMiddleware(place, { slot: RESULT, otherwise: undefined, parse: (value) => void (result = value) }))
      .handle(async ({ request: { method, target, headers, body } }) => {
        forwarded = { method, target, headers, body: await body.text() }
        const answer = new Reply(reply.status ?? 200, new HeaderList(reply.headers), bodyFrom(reply.body))
        replyBefore = answer.headers.copy()
        return answer
      })
    const { address = '127.0.0.1', target = '/', ...rest } = request
    const injected = await proxy.inject({ ...rest, path: target, peer: { address } })
    const body = await injected.text()
    const headers = injected.headers.copy()
    // Framing is the proxy's part, not the plugin's.
    for (const each of [headers, replyBefore]) each.delete('content-length')
    return {
      ...recorder.end(),
      result,
      forwarded,
      requestDelta: forwarded === undefined ? NO_DELTA : headDelta(requestBefore, forwarded.headers),
      reply: { status: injected.status, headers: injected.headers, body },
      replyDelta: headDelta(replyBefore, headers),
    }
  }
  return { run, snapshot: () => place.snapshot(), close: () => host.close() }
}

const RESULT: Slot<'plugin-host.harness'> = defineSlot<unknown>()('plugin-host.harness')

const NO_DELTA: HeadDelta = Object.freeze({ set: Object.freeze({}), removed: Object.freeze([]) })

function bodyFrom(body: string | Uint8Array | Body = Body.empty): Body {
  return body instanceof Body ? body : Body.of(body)
}

function pick({ clock, random }: HarnessOptions): Pick<HarnessOptions, 'clock' | 'random'> {
  return { ...(clock === undefined ? {} : { clock }), ...(random === undefined ? {} : { random }) }
}

/** Remembers what happens in one run. */
class Recorder implements VersionObserver {
  readonly isPublic = true
  readonly wantsCalls = true
  #calls: HarnessCall[] = []
  #logs: HarnessRun['logs'][number][] = []
  #faults: PluginError[] = []

  begin(): void {
    this.#calls = []
    this.#logs = []
    this.#faults = []
  }

  end(): Pick<HarnessRun, 'action' | 'calls' | 'fuel' | 'logs' | 'faults'> {
    const calls = this.#calls
    const ended = calls.map(({ action }) => action)
    const action = this.#faults.length > 0 ? 'fault' : (ended.find((each) => each !== 'continue') ?? 'continue')
    const fuel = calls.reduce((sum, call) => sum + call.fuel, 0)
    return { action, calls, fuel, logs: this.#logs, faults: this.#faults }
  }

  called({ hook, action, fuel, durationMs }: HarnessCall): void {
    this.#calls.push({ hook, action, fuel, durationMs })
  }

  faulted({ error }: { readonly error: PluginError }): void {
    this.#faults.push(error)
  }

  breakerChanged(): void {}

  logged({ level, message }: PluginLogEvent): void {
    this.#logs.push({ level, message })
  }
}
