/** What can go wrong in a call of a plugin: a few kinds, each with its code, so that they can be counted. */
import { PluginError, type PluginErrorCode } from '@sluice/core'
import { WireError } from '@sluice/wire'

/**
 * `fuel`: more instructions than allowed. `trap`: it failed by itself. `output`: it wrote what may not be sent, or returned what is no
 * result. `limit`: it wrote too much, or a body was longer than it takes. `timeout`: it paused for too long. `busy`: no instance came free.
 * `open`: its breaker is. `load`: it could not be loaded.
 */
export type FaultKind = 'fuel' | 'trap' | 'output' | 'limit' | 'timeout' | 'busy' | 'open' | 'load'

const KINDS: Readonly<Partial<Record<PluginErrorCode, FaultKind>>> = {
  ERR_SLUICE_PLUGIN_FUEL: 'fuel',
  ERR_SLUICE_PLUGIN_TRAP: 'trap',
  ERR_SLUICE_PLUGIN_OUTPUT: 'output',
  ERR_SLUICE_PLUGIN_LIMIT: 'limit',
  ERR_SLUICE_PLUGIN_TIMEOUT: 'timeout',
  ERR_SLUICE_PLUGIN_BUSY: 'busy',
  ERR_SLUICE_PLUGIN_OPEN: 'open',
}

/** The kind of a plugin's error. */
export function kindOf(error: PluginError): FaultKind {
  return KINDS[error.code] ?? 'load'
}

/** Thrown within a host function: it unwinds the guest, which can't catch it. */
export function outputFault(problem: string, cause?: unknown): PluginError {
  return new PluginError('ERR_SLUICE_PLUGIN_OUTPUT', { message: problem, cause })
}

/** As {@link outputFault}, for what is too much. */
export function limitFault(problem: string): PluginError {
  return new PluginError('ERR_SLUICE_PLUGIN_LIMIT', { message: problem })
}

/** As {@link outputFault}, for an address that is none. */
export function addressFault(): PluginError {
  return new PluginError('ERR_SLUICE_PLUGIN_TRAP', { message: 'an address is outside of the memory' })
}

/** For a plugin that rests. */
export function openFault(plugin: string, retryAfterMs: number): PluginError {
  const message = `plugin "${plugin}" rests after too many faults`
  return new PluginError('ERR_SLUICE_PLUGIN_OPEN', { message, plugin, retryAfterMs })
}

/** What a call ended with, whatever was thrown. `outOfFuel`: whether nothing was left of it. */
export function faultOf(error: unknown, outOfFuel: boolean, plugin: string): PluginError {
  if (error instanceof PluginError) {
    if (error.plugin === plugin) return error
    return new PluginError(error.code, { message: `plugin "${plugin}": ${error.message}`, cause: error, plugin })
  }
  const code: PluginErrorCode = WireError.is(error)
    ? 'ERR_SLUICE_PLUGIN_OUTPUT'
    : outOfFuel
      ? 'ERR_SLUICE_PLUGIN_FUEL'
      : 'ERR_SLUICE_PLUGIN_TRAP'
  const reason = outOfFuel ? 'the fuel of a call is used up' : error instanceof Error ? error.message : String(error)
  return new PluginError(code, { message: `plugin "${plugin}": ${reason}`, cause: error, plugin })
}
