/** The command line: `sluice-plugin new | build | test`. A function, so that the gateway's own `sluice plugin` is the same. */
import { relative } from 'node:path'
import { parseArgs } from 'node:util'
import { PluginBuildError } from './build-error.ts'
import { buildPlugin } from './build-plugin.ts'
import { newPlugin } from './new-plugin.ts'
import { testPlugin } from './test-plugin.ts'
import type { PluginLanguage } from './toolchain.ts'

/** Options of `runPluginCommand`. */
export interface PluginCommandOptions {
  /** Where lines for people go. @default standard output and standard error */
  readonly print?: (line: string) => void
  /** How the command is called in what it prints. @default 'sluice-plugin' */
  readonly name?: string
}

const LANGUAGES: Readonly<Record<string, PluginLanguage>> = {
  as: 'assemblyscript',
  assemblyscript: 'assemblyscript',
  c: 'c',
  rust: 'rust',
  wat: 'wat',
}

const OPTIONS = {
  language: { type: 'string', short: 'l', default: 'as' },
  cache: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

type Values = ReturnType<typeof parse>['values']
type Command = (operands: readonly string[], values: Values, print: (line: string) => void) => Promise<boolean>

const COMMANDS: Readonly<Record<string, Command>> = {
  async new([name], { language }, print) {
    const known = LANGUAGES[language]
    if (name === undefined) throw new PluginBuildError('what is it to be called?')
    if (known === undefined) throw new PluginBuildError(`languages are ${Object.keys(LANGUAGES).join(', ')}`)
    const folder = await newPlugin(name, { language: known })
    print(`${relative('.', folder)} is there. Next: cd ${relative('.', folder)} && npm install && npm test`)
    return true
  },

  async build(operands, { cache }, print) {
    const folders = operands.length === 0 ? ['.'] : operands
    const built = await Promise.allSettled(
      folders.map(async (folder) => await buildPlugin(folder, cache === undefined ? {} : { cacheFolder: cache })),
    )
    for (const [index, result] of built.entries()) {
      if (result.status === 'rejected') print(`${folders[index]}: ${messageOf(result.reason)}`)
      else print(`${relative('.', result.value.path)} ${result.value.bytes.length} bytes sha256 ${result.value.sha256}`)
    }
    return built.every(({ status }) => status === 'fulfilled')
  },

  async test(operands, { cache }) {
    const folders = operands.length === 0 ? ['.'] : operands
    let passed = true
    for (const folder of folders) {
      const options = { inherit: true, ...(cache === undefined ? {} : { cacheFolder: cache }) }
      if (!(await testPlugin(folder, options)).passed) passed = false
    }
    return passed
  },
}

const USAGE = (name: string): string => `${name} new NAME [--language as|c|rust|wat]   a folder to begin with
${name} build [FOLDER...] [--cache FOLDER]     dist/plugin.wasm, its size and its sha256
${name} test [FOLDER...] [--cache FOLDER]      builds, then runs its *.test.mjs`

/**
 * Does what the arguments say. Gives the exit code: 0, 1 where it failed, 2 where the arguments are wrong. Never throws: what went wrong is
 * printed.
 */
export async function runPluginCommand(args: readonly string[], options: PluginCommandOptions = {}): Promise<number> {
  const { print = (line) => void process.stdout.write(`${line}\n`), name = 'sluice-plugin' } = options
  try {
    const { values, positionals } = parse(args)
    const [command = '', ...operands] = positionals
    const run = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined
    if (values.help || run === undefined) {
      print(USAGE(name))
      return values.help ? 0 : 2
    }
    return (await run(operands, values, print)) ? 0 : 1
  } catch (error) {
    print(messageOf(error))
    return error instanceof TypeError ? 2 : 1
  }
}

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
