/**
 * Programs that the tests use and npm does not bring. On Debian and its like, as root, what is missing is installed; elsewhere
 * its absence is an error that says what to install.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { step } from './steps.mjs'

/** A program, and the Debian package that has it. */
const PROGRAMS = [
  { program: 'chromium', aka: ['chromium-browser', 'google-chrome'], package: 'chromium' },
  { program: 'curl', aka: [], package: 'curl' },
  { program: 'redis-server', aka: ['valkey-server'], package: 'redis-server' },
  // The compilers of those plugins that are not built by a package of npm.
  { program: 'clang', aka: [], package: 'clang' },
  { program: 'wasm-ld', aka: [], package: 'lld' },
  { isThere: () => ['rustc', '/usr/bin/rustc'].some(makesWebAssembly), package: 'rustc libstd-rust-dev-wasm32' },
]

/** Resolves with whether all of them are there in the end. */
export const installPrograms = async () => {
  const packages = missing()
  if (packages.length === 0) return true
  const command = `apt-get install -y --no-install-recommends ${packages.join(' ')}`
  if (process.getuid?.() === 0 && isOnPath('apt-get'))
    return await step(
      `install ${packages.join(' and ')}`,
      `apt-get update && DEBIAN_FRONTEND=noninteractive ${command}`,
    )
  process.stdout.write(`FAIL the tests need ${packages.join(' and ')}, which nobody but you can install: ${command}\n`)
  return false
}

const missing = () =>
  PROGRAMS.filter(({ program, aka, isThere }) => !(isThere?.() ?? [program, ...aka].some(isOnPath))).map(
    (each) => each.package,
  )

const isOnPath = (program) => process.env.PATH.split(delimiter).some((folder) => existsSync(join(folder, program)))

/** A machine may have a `rustc` that knows the target and does not have its library. */
const makesWebAssembly = (rustc) => {
  const { stdout } = spawnSync(rustc, ['--print', 'target-libdir', '--target', 'wasm32-unknown-unknown'], {
    encoding: 'utf8',
  })
  return typeof stdout === 'string' && stdout.trim() !== '' && existsSync(stdout.trim())
}
