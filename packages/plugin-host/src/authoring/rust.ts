/**
 * Rust by rustc alone, without cargo: a plugin is one crate with no dependency but the kit, `no_std`. For more than that use cargo, with
 * `--target wasm32-unknown-unknown`, and give its module to the manifest.
 */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PluginBuildError } from './build-error.ts'
import { kitFolder } from './own-package.ts'
import { fileIdentity, findProgram, runProgram } from './run-program.ts'
import type { CompileJob, Toolchain } from './toolchain.ts'

const TARGET = ['--target', 'wasm32-unknown-unknown']
const FLAGS = ['--edition', '2021', ...TARGET, '-C', 'opt-level=3', '-C', 'panic=abort']
const PLUGIN_FLAGS = [
  '--crate-type',
  'cdylib',
  '-C',
  'lto=fat',
  '-C',
  'strip=symbols',
  // As in C: a stack that is too deep traps. Rust's own choice is a megabyte of it.
  '-C',
  'link-arg=--stack-first',
  '-C',
  'link-arg=-zstack-size=65536',
]

/** @throws {PluginBuildError} where there is no rustc that can make WebAssembly */
export async function rustToolchain(): Promise<Toolchain> {
  const rustc = await findCompiler()
  if (rustc === undefined) {
    const how =
      'on Debian, apt-get install rustc libstd-rust-dev-wasm32; with rustup, rustup target add wasm32-unknown-unknown'
    throw new PluginBuildError(`a rustc for wasm32-unknown-unknown is needed: ${how}`)
  }
  const kit = kitFolder('rust')
  return {
    language: 'rust',
    identity: `${fileIdentity(rustc)} ${[...FLAGS, ...PLUGIN_FLAGS].join(' ')}`,
    kits: [kit],
    compile: async (job) => await compile(rustc, kit, job),
  }
}

/** A machine may have several, of which the one that comes first has no WebAssembly. */
async function findCompiler(): Promise<string | undefined> {
  for (const rustc of new Set([findProgram('rustc'), '/usr/bin/rustc'])) {
    if (rustc === undefined || !existsSync(rustc)) continue
    const { code, output } = await runProgram(rustc, ['--print', 'target-libdir', ...TARGET], { cwd: tmpdir() })
    if (code === 0 && existsSync(output.trim())) return rustc
  }
  return undefined
}

async function compile(rustc: string, kit: string, { folder, entry, output }: CompileJob): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'sluice-plugin-'))
  try {
    const library = join(scratch, 'libsluice.rlib')
    const kitFlags = ['--crate-type', 'rlib', '--crate-name', 'sluice', '-o', library, join(kit, 'sluice.rs')]
    await run(rustc, [...FLAGS, ...kitFlags], folder)
    await run(rustc, [...FLAGS, ...PLUGIN_FLAGS, '--extern', `sluice=${library}`, '-o', output, entry], folder)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function run(rustc: string, args: readonly string[], cwd: string): Promise<void> {
  const { code, output } = await runProgram(rustc, args, { cwd })
  if (code !== 0) throw new PluginBuildError(output)
}
