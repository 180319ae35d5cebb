/** This package's own files, wherever it was installed: the kits and the templates are no JavaScript and stand beside it. */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const require = createRequire(import.meta.url)

/** The folder of this package. It asks for itself by name, which holds in its sources and in its build alike. */
export const PACKAGE_FOLDER: string = dirname(require.resolve('@sluice/plugin-host/package.json'))

/** A kit: `as`, `c` or `rust`. */
export function kitFolder(name: string): string {
  return join(PACKAGE_FOLDER, 'pdk', name)
}

/** A package of the plugin's project, or else of this one: the file that `specifier` stands for. */
export function findPackage(folder: string, specifier: string): string | undefined {
  for (const find of [createRequire(join(folder, 'package.json')), require]) {
    try {
      return find.resolve(specifier)
    } catch {
      // Perhaps the other one.
    }
  }
  return undefined
}
