/** What becomes of calls whose thread fails them. */
import { PluginError } from '@sluice/core'

/** No thread came free in time, or too many calls wait for it. */
export function busyFault(): PluginError {
  return new PluginError('ERR_SLUICE_PLUGIN_BUSY')
}

/** The guest has computed for too long. */
export function computeFault(plugin: string, afterMs: number): PluginError {
  const message = `plugin "${plugin}": it has computed for more than ${afterMs} ms`
  return new PluginError('ERR_SLUICE_PLUGIN_TIMEOUT', { message, plugin })
}

/** Another call has cost the thread while this one waited. */
export function waitingFault(plugin: string): PluginError {
  const message = `plugin "${plugin}": its thread was ended while it waited`
  return new PluginError('ERR_SLUICE_PLUGIN_TRAP', { message, plugin })
}

/** There is no thread to be had, or it has ended before it was of use. */
export function startFault(plugin: string, cause: Error): PluginError {
  const message = `plugin "${plugin}": its thread can not be started: ${cause.message}`
  return new PluginError('ERR_SLUICE_PLUGIN_REFUSED', { message, plugin, cause })
}

/** The thread has ended by itself. */
export function deathFault(plugin: string, cause: Error): PluginError {
  const isMemory = (cause as { readonly code?: string }).code === 'ERR_WORKER_OUT_OF_MEMORY'
  const message = `plugin "${plugin}": its thread has ended: ${cause.message}`
  const code = isMemory ? 'ERR_SLUICE_PLUGIN_LIMIT' : 'ERR_SLUICE_PLUGIN_TRAP'
  return new PluginError(code, { message, plugin, cause })
}
