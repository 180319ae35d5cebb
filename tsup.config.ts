/**
 * Builds the JavaScript of every package in one run. The entries are read from each package's `exports`: whatever the
 * condition `@sluice/source` names is an entry, so a package is described in one place. Declarations come from `tsc -b`.
 */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { defineConfig, type Options } from 'tsup'

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly '@sluice/source': string }>>
}

const packageConfig = (manifestPath: string): Options => {
  const folder = dirname(manifestPath)
  const { exports } = JSON.parse(readFileSync(manifestPath, 'utf8')) as Manifest
  const sources = Object.values(exports).flatMap((target) =>
    typeof target === 'string' ? [] : [join(folder, target['@sluice/source'])],
  )
  return {
    name: folder,
    entry: sources,
    outDir: join(folder, 'dist'),
    format: 'esm',
    target: 'node22',
    platform: 'node',
    sourcemap: true,
    // `tsc -b` owns the declarations in the same folder and skips those that it believes to be in place.
    clean: ['!**/*.d.ts', '!**/*.d.ts.map'],
    skipNodeModulesBundle: true,
    silent: true,
  }
}

export default defineConfig(globSync('packages/*/package.json').map(packageConfig))
