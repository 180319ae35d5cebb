/** Folders for plugins that tests write, gone when the test ends. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** The one that `npm test` has filled before: what a test does not change is compiled once and for all. */
export const CACHE: string = fileURLToPath(new URL('../../../../node_modules/.cache/plugins', import.meta.url))

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url))

/** An empty folder in which this package is installed. */
export async function workFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-authoring-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'node_modules/@sluice'), { recursive: true })
  await symlink(PACKAGE, join(folder, 'node_modules/@sluice/plugin-host'))
  return folder
}

/** A folder with these files. */
export async function pluginFolder(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await workFolder()
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return folder
}
