/** How a module is turned away: one error, with the reason and where in the file it stands. */
import { PluginError } from '@sluice/core'

/**
 * Throws the error for a module that is not run.
 * @throws {PluginError} `ERR_SLUICE_PLUGIN_MODULE`, always
 */
export function refuse(problem: string, offset?: number): never {
  const place = offset === undefined ? '' : ` (at byte ${offset})`
  throw new PluginError('ERR_SLUICE_PLUGIN_MODULE', { message: `the plugin's module is refused: ${problem}${place}` })
}
