/** A folder to begin a plugin with: source, manifest, tests, and a README that says what to do next. */
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { PluginBuildError } from './build-error.ts'
import { PACKAGE_FOLDER } from './own-package.ts'
import type { PluginLanguage } from './toolchain.ts'

/** Options of `newPlugin`. */
export interface NewPluginOptions {
  /** @default 'assemblyscript' */
  readonly language?: PluginLanguage
  /** Where the plugin's folder goes. @default the working directory */
  readonly parent?: string
}

/** As the manifest wants names. */
const NAME = /^[a-z][a-z0-9-]{0,62}$/

/** Stands in the templates for the name. */
const PLACEHOLDER = 'my-plugin'

/** What the compiler is installed with, where npm has it. */
const COMPILERS: Readonly<Record<PluginLanguage, Readonly<Record<string, string>>>> = {
  assemblyscript: { assemblyscript: '^0.28.20' },
  c: {},
  rust: {},
  wat: { wabt: '^1.0.39' },
}

/**
 * Writes a new plugin's folder, and gives its path.
 * @throws {PluginBuildError} where the name can not be one, or the folder is there already
 */
export async function newPlugin(name: string, options: NewPluginOptions = {}): Promise<string> {
  const { language = 'assemblyscript', parent = '.' } = options
  if (!NAME.test(name))
    throw new PluginBuildError(`"${name}" is no name: lower-case letters, digits and -, a letter first`)
  const folder = resolve(parent, name)
  if (existsSync(folder)) throw new PluginBuildError(`${folder} is there already`)
  await mkdir(folder, { recursive: true })
  for (const part of ['every', language]) {
    const template = join(PACKAGE_FOLDER, 'templates', part)
    for (const file of await readdir(template)) {
      const text = await readFile(join(template, file), 'utf8')
      // A package that is published loses its `.gitignore` files.
      await writeFile(join(folder, file === 'gitignore' ? '.gitignore' : file), text.replaceAll(PLACEHOLDER, name))
    }
  }
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(await manifestOf(name, language), undefined, 2)}\n`)
  return folder
}

async function manifestOf(name: string, language: PluginLanguage): Promise<object> {
  const own = JSON.parse(await readFile(join(PACKAGE_FOLDER, 'package.json'), 'utf8')) as { version: string }
  const dependencies = {
    '@sluice/core': `^${own.version}`,
    '@sluice/plugin-host': `^${own.version}`,
    '@sluice/wire': `^${own.version}`,
    ...COMPILERS[language],
  }
  return {
    name,
    version: '0.1.0',
    private: true,
    type: 'module',
    scripts: { build: 'sluice-plugin build', test: 'sluice-plugin test' },
    devDependencies: dependencies,
  }
}
