/** What goes wrong between a plugin's source and its module. It is a person's who runs a command, never an exchange's. */

/** A plugin that could not be built: its message says what to do, or what the compiler said. */
export class PluginBuildError extends Error {
  override readonly name: string = 'PluginBuildError'
}
