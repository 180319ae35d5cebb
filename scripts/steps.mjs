/**
 * What the other scripts are made of: named steps that keep quiet while they succeed and show everything they said when
 * they fail. These files run under whatever Node the machine has (20 or newer) before anything is installed, so they
 * import nothing but Node itself.
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'

export const root = fileURLToPath(new URL('..', import.meta.url))
export const cache = join(root, 'node_modules', '.cache')

/** Where the installed Node of a line is: 24 is everybody's, the others are there for the matrix. */
export const nodeBinary = (major) =>
  major === 24
    ? join(root, 'node_modules', 'node', 'bin', 'node')
    : join(root, 'test', 'matrix', 'node_modules', `node${major}`, 'bin', 'node')

export const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** The command line for pnpm at the pinned version; npx fetches it where it is missing. */
export const pnpm = (args) => `npx -y ${manifest.packageManager} ${args}`

/** An environment in which the installed tools, and the installed Node, come first. */
export const environment = () => {
  const variables = { ...process.env, PATH: join(root, 'node_modules', '.bin') + delimiter + process.env.PATH }
  // Vitest colours its output whenever `CI` is set; a log file wants none.
  if (!process.stdout.isTTY) variables.NO_COLOR = '1'
  return variables
}

/** Runs a shell command in the root folder. Resolves with whether it succeeded, having said so in one line. */
export const step = async (name, command) => {
  const start = Date.now()
  const { code, output } = await capture(command)
  const line = `${code === 0 ? 'ok  ' : 'FAIL'} ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`
  const said = process.stdout.isTTY ? output : stripVTControlCharacters(output)
  process.stdout.write(code === 0 ? `${line}\n` : `${line}: ${command}\n${said.trimEnd()}\n`)
  return code === 0
}

/** Runs steps, given as `[name, command]`, two at a time. Every one is run, so that one look shows all that is wrong. */
export const steps = async (list) => {
  const waiting = [...list]
  let succeeded = true
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (!(await step(...next))) succeeded = false
    }
  }
  await Promise.all([worker(), worker()])
  return succeeded
}

/** Installs what the lock file names. When all is in place already this takes about a second. */
export const install = async () => {
  if (!(await step('install', pnpm('install --frozen-lockfile --prefer-offline')))) return false
  // An interrupted install can leave the package `node` without the binary that its install script brings.
  if (existsSync(nodeBinary(24))) return true
  return await step('install node', pnpm('rebuild node'))
}

/**
 * Declarations and type errors come from tsc, JavaScript from tsup, plugins from their compilers; none needs another. What a plugin was
 * built from before is not compiled again.
 */
export const build = () =>
  steps([
    ['types', manifest.scripts.check],
    ['build', 'tsup'],
    ['plugins', manifest.scripts['build:plugins']],
  ])

/** The steps of linting: every script of package.json whose name begins with `lint:`. */
export const lint = () => steps(Object.entries(manifest.scripts).filter(([name]) => name.startsWith('lint:')))

const capture = (command) =>
  new Promise((resolve) => {
    const child = spawn(command, {
      cwd: root,
      env: environment(),
      shell: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    const keep = (chunk) => (output += chunk)
    child.stdout.setEncoding('utf8').on('data', keep)
    child.stderr.setEncoding('utf8').on('data', keep)
    child.on('error', (error) => resolve({ code: 1, output: output + error.message }))
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
  })
