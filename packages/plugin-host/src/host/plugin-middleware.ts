/** A plugin in a chain. */
import {
  defineMiddleware,
  type Exchange,
  type Handler,
  type Has,
  type Middleware,
  PluginError,
  problemReply,
  type Reply,
  type Slot,
} from '@sluice/core'
import { pluginSkipped } from '../events.ts'
import { PluginRun, type TakeResult } from '../exchange/plugin-run.ts'
import type { PluginSlot, PluginSnapshot } from './plugin-slot.ts'

/** Options of a plugin's middleware. */
export interface PluginOptions {
  /** Where what the plugin sets with `set_result` is put. */
  readonly slot?: undefined
}

/** Options of a plugin whose result others need. */
export interface PluginResult<Name extends string, T> {
  /** Where what the plugin sets with `set_result` is put, before the exchange goes on inwards. */
  readonly slot: Slot<Name, T>
  /** What is put there where the plugin set nothing, was left out, or set what `parse` did not take. */
  readonly otherwise: NoInfer<T>
  /** Makes the value of the JSON that the plugin set; throws where it is none. @default as it is, unchecked */
  readonly parse?: (value: unknown) => NoInfer<T>
}

/** The middleware, with a look inside. */
export interface PluginMiddleware extends Middleware {
  /** Resolves when the plugin serves; rejects with why it can't. Exchanges that come earlier wait for it. */
  readonly ready: Promise<void>
  snapshot(): PluginSnapshot
}

/** The names of {@link PluginResult}. */
export const RESULT_OPTIONS: readonly string[] = ['slot', 'otherwise', 'parse']

/** Makes it. `explain()` names it `plugin:NAME`, and says where it has a thread of its own: as it was loaded first. */
export function pluginMiddleware<Name extends string, T>(
  place: PluginSlot,
  options: PluginOptions | PluginResult<Name, T>,
): PluginMiddleware & Middleware<unknown, Has<Slot<Name, T>>> {
  const takeResult = options.slot === undefined ? undefined : taking(options)
  const name = `plugin:${place.name}${place.isolation === 'worker' ? ' (worker)' : ''}`
  const middleware = defineMiddleware(name, (exchange: Exchange, next: Handler) => {
    const version = place.current
    if (version === undefined) return unloaded(place, exchange, next, takeResult)
    return new PluginRun(exchange, version, next, takeResult).start()
  })
  Object.defineProperty(middleware, 'ready', { get: () => place.ready })
  return Object.assign(middleware, { snapshot: () => place.snapshot() }) as unknown as PluginMiddleware &
    Middleware<unknown, Has<Slot<Name, T>>>
}

function taking<Name extends string, T>({ slot, otherwise, parse }: PluginResult<Name, T>): TakeResult {
  return (exchange, result) => {
    let value = otherwise
    try {
      if (result !== undefined) value = parse === undefined ? (result as T) : parse(result)
    } catch {
      // The plugin is a third party: what it says wrongly counts as not said.
    }
    exchange.set(slot, value)
  }
}

/** It is being loaded, or could not be. */
async function unloaded(
  place: PluginSlot,
  exchange: Exchange,
  next: Handler,
  takeResult: TakeResult | undefined,
): Promise<Reply> {
  let fault: PluginError | undefined
  try {
    await place.ready
  } catch (error) {
    fault = error instanceof PluginError ? error : new PluginError('ERR_SLUICE_PLUGIN_SOURCE', { cause: error })
  }
  const version = place.current
  if (version !== undefined) return await new PluginRun(exchange, version, next, takeResult).start()
  fault ??= new PluginError('ERR_SLUICE_PLUGIN_SOURCE', { message: `plugin "${place.name}" is unloaded` })
  place.around.stats.faulted('load')
  if (place.failure === 'closed') return problemReply(fault, exchange.settings.name)
  place.around.stats.skips++
  if (pluginSkipped.hasSubscribers) pluginSkipped.publish({ plugin: place.name, version: '', exchange, reason: 'load' })
  takeResult?.(exchange, undefined)
  return await next(exchange)
}
