/** A plugin on a thread of its own, in a proxy, for tests. */
import { createProxy, Reply } from '@sluice/core'
import { onTestFinished } from 'vitest'
import { createPluginHost, type PluginHostOptions, type PluginManifest } from '../../src/index.ts'
import { guest } from '../guest.ts'

/** Runs code where the request has the field of this name. */
export const IF_ASKED = (name: string, then: string): string =>
  `(if (i32.ge_s (call $get_header (i32.const 0) {${name}} {buf} (i32.const 99)) (i32.const 0)) (then ${then}))`
/** Without an end, and so slow for what it costs that its fuel lasts for seconds. */
export const SPIN = '(loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 1)) (br 0))'
/** Says that it was there. */
export const DONE = '(drop (call $add_header (i32.const 0) {by} {yes}))'
/** A thread starts in 100 ms, where it gets the time. */
export const LONG = { timeoutMs: 15_000 }
export const WRITE = { requestHeaders: { read: ['*'], write: ['*'] } }

/** A proxy with one plugin that has a thread of its own; closed when the test ends. */
export async function started(code: string, more: Partial<PluginManifest> = {}, options: PluginHostOptions = {}) {
  const host = createPluginHost(options)
  const { clock, random } = options
  onTestFinished(() => host.close())
  const texts = { spin: 'x-spin', deep: 'x-deep', call: 'x-call', by: 'x-by', yes: 'yes', key: 'k' }
  const bytes = guest({ texts, code, pages: 2 })
  const manifest: PluginManifest = {
    name: 'isolated',
    abi: 'sluice:v1',
    source: { bytes },
    isolation: 'worker',
    capabilities: WRITE,
    selfTest: false,
    ...more,
  }
  await host.load(manifest)
  const proxy = createProxy({ ...(clock && { clock }), ...(random && { random }) })
    .use(host.plugin('isolated'))
    .handle(({ request }) => Reply.text(request.headers.get('x-by') ?? 'nobody'))
  const send = async (headers: Record<string, string> = {}) => {
    const reply = await proxy.inject({ headers })
    return { status: reply.status, text: await reply.text() }
  }
  return { host, proxy, send, state: () => host.snapshot()[0]! }
}
