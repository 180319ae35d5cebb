/**
 * Packs every package as it would be published and looks at the tarballs: publint for the manifest, attw for the types
 * as a consumer's compiler finds them. Then loads each built entry once. Needs a build.
 */
import { execSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { cache, pnpm, root } from './steps.mjs'

const tarballs = join(cache, 'packed')
rmSync(tarballs, { recursive: true, force: true })
mkdirSync(tarballs, { recursive: true })

const run = (command) => execSync(command, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })

run(pnpm(`--filter "./packages/*" pack --pack-destination "${tarballs}"`))
for (const tarball of readdirSync(tarballs)) {
  run(`publint run --strict "${join(tarballs, tarball)}"`)
  run(`attw --profile esm-only --format ascii --no-emoji "${join(tarballs, tarball)}"`)
}

for (const name of readdirSync(join(root, 'packages'))) {
  const folder = join(root, 'packages', name)
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  for (const target of Object.values(exports)) {
    if (typeof target === 'object') await import(pathToFileURL(join(folder, target.default)).href)
  }
}
