/** Which hooks of a module are called: those that it has, that its manifest lists, and whose bodies it was granted. */
import { PluginError } from '@sluice/core'
import { HOOK_NAMES, type HookName } from '../abi/sluice-v1.ts'
import { foreignInterface } from '../foreign/foreign-interfaces.ts'
import type { BodyCapability } from '../manifest/capabilities.ts'
import type { ResolvedManifest } from '../manifest/resolve-manifest.ts'

export interface PluginHooks {
  readonly requestHead: boolean
  readonly requestBody: BodyCapability['mode']
  readonly replyHead: boolean
  readonly replyBody: BodyCapability['mode']
  readonly log: boolean
  readonly tick: boolean
  /** Whether the head's hook gets the whole body with it. */
  readonly wholeRequest: boolean
  readonly wholeReply: boolean
  /** Whether the reply's hook hears of exchanges that failed. */
  readonly errors: boolean
}

/**
 * `exported` are the hooks that the module has.
 * @throws {PluginError} `ERR_SLUICE_PLUGIN_ABI` where one that is listed is not among them, or none would be called
 */
export function hooksOf(manifest: ResolvedManifest, exported: ReadonlySet<HookName>): PluginHooks {
  const { name: plugin, hooks = HOOK_NAMES, capabilities } = manifest
  const missing = manifest.hooks?.find((hook) => !exported.has(hook))
  if (missing !== undefined) {
    const message = `the module of "${plugin}" has no ${missing}, which the manifest lists`
    throw new PluginError('ERR_SLUICE_PLUGIN_ABI', { message, plugin })
  }
  const has = (hook: HookName) => exported.has(hook) && hooks.includes(hook)
  const foreign = foreignInterface(manifest.abi)
  const found: Omit<PluginHooks, 'wholeRequest' | 'wholeReply' | 'errors'> = {
    requestHead: has('on_request_head'),
    requestBody: has('on_request_body') ? capabilities.requestBody.mode : 'none',
    replyHead: has('on_response_head'),
    replyBody: has('on_response_body') ? capabilities.replyBody.mode : 'none',
    log: has('on_log'),
    tick: has('on_tick'),
  }
  if (Object.values(found).every((each) => each === false || each === 'none')) {
    const message = `no hook of "${plugin}" would ever be called: it has ${[...exported].join(', ') || 'none'}`
    throw new PluginError('ERR_SLUICE_PLUGIN_ABI', { message, plugin })
  }
  return {
    ...found,
    wholeRequest: foreign !== undefined && capabilities.requestBody.mode !== 'none',
    wholeReply: foreign !== undefined && capabilities.replyBody.mode !== 'none',
    errors: foreign?.hearsErrors === true && found.replyHead,
  }
}
