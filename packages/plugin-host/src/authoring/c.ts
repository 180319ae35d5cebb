/** C by clang and wasm-ld, without a C library: the kit is one header, `sluice.h`. */
import { PluginBuildError } from './build-error.ts'
import { kitFolder } from './own-package.ts'
import { fileIdentity, findProgram, runProgram } from './run-program.ts'
import type { Toolchain } from './toolchain.ts'

const FLAGS = [
  '--target=wasm32-unknown-unknown',
  '-std=c11',
  '-O2',
  '-flto',
  '-nostdlib',
  '-ffreestanding',
  // A loop that copies becomes an instruction, and so does what would be a call of `memcpy`.
  '-mbulk-memory',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-Wl,--no-entry',
  '-Wl,--strip-all',
  // A stack that is too deep traps at address 0 instead of writing over what lies below it.
  '-Wl,--stack-first',
  '-Wl,-z,stack-size=65536',
]

/** @throws {PluginBuildError} where clang or wasm-ld is missing */
export function cToolchain(): Toolchain {
  const clang = findProgram('clang')
  if (clang === undefined || findProgram('wasm-ld') === undefined)
    throw new PluginBuildError('clang and wasm-ld are needed: on Debian, apt-get install clang lld')
  const kit = kitFolder('c')
  return {
    language: 'c',
    identity: `${fileIdentity(clang)} ${FLAGS.join(' ')}`,
    kits: [kit],
    async compile({ folder, entry, output }) {
      const { code, output: said } = await runProgram(clang, [...FLAGS, '-I', kit, '-o', output, entry], {
        cwd: folder,
      })
      if (code !== 0) throw new PluginBuildError(said)
    },
  }
}
