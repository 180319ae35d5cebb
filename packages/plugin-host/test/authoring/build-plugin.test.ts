import { existsSync } from 'node:fs'
import { appendFile, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { buildPlugin, PluginBuildError } from '../../src/authoring/index.ts'
import { inspectModule } from '../../src/wasm/inspect-module.ts'
import { CACHE, pluginFolder, workFolder } from './plugin-folder.ts'

const WAT = '(module (memory (export "memory") 1) (func (export "on_request_head") (result i32) (i32.const 0)))'

// What the cache does not have takes a compiler seconds on a busy machine.
describe('building a plugin', { timeout: 60_000 }, () => {
  test.each([
    ['plugin.wat', WAT],
    ['plugin.c', '#include <sluice.h>\nSLUICE_HOOK(on_request_head) { return SLUICE_SKIP; }'],
    [
      'plugin.rs',
      '#![no_std]\n#[no_mangle] pub extern "C" fn on_request_head() -> sluice::Action { sluice::Action::Skip }',
    ],
    [
      'plugin.ts',
      "import { SKIP } from '@sluice/plugin-host/pdk/as'\nexport function on_request_head(): i32 { return SKIP }",
    ],
  ])('compiles %s with its kit', async (name, source) => {
    const folder = await pluginFolder({ [name]: source })
    const { bytes, path, sha256 } = await buildPlugin(folder, { cacheFolder: CACHE })
    const names = inspectModule(bytes).exports.map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(['memory', 'on_request_head']))
    expect(path).toBe(join(folder, 'dist/plugin.wasm'))
    expect(await readFile(path)).toEqual(bytes)
    expect(sha256).toMatch(/^[0-9a-f]{64}$/)
  })

  test('compiles nothing twice, and anew when a source has changed', async () => {
    const folder = await pluginFolder({ 'plugin.wat': WAT, 'part.h': '' })
    const builds = []
    builds.push(await buildPlugin(folder), await buildPlugin(folder))
    await writeFile(join(folder, 'README.md'), 'not a source')
    builds.push(await buildPlugin(folder))
    await appendFile(join(folder, 'part.h'), '\n')
    builds.push(await buildPlugin(folder), await buildPlugin(folder))
    expect(builds.map(({ isNew }) => isNew)).toEqual([true, false, false, true, false])
  })

  test('takes a module from the cache where another folder has left it, and leaves no scraps', async () => {
    const cacheFolder = await workFolder()
    const folders = await Promise.all([1, 2].map(() => pluginFolder({ 'plugin.wat': WAT })))
    const first = await buildPlugin(folders[0]!, { cacheFolder })
    const second = await buildPlugin(folders[1]!, { cacheFolder, output: 'elsewhere.wasm' })
    expect([first.isNew, second.isNew, second.sha256]).toEqual([true, false, first.sha256])
    expect(await readdir(join(folders[0]!, 'dist'))).toEqual(['plugin.wasm', 'plugin.wasm.key'])
    expect(existsSync(join(folders[1]!, 'elsewhere.wasm'))).toBe(true)
  })

  test('builds again what somebody has deleted', async () => {
    const folder = await pluginFolder({ 'plugin.wat': WAT })
    const { path } = await buildPlugin(folder)
    await rm(path)
    expect((await buildPlugin(folder)).isNew).toBe(true)
  })

  test.each([
    ['plugin.wat', '(module (func (export "on_request_head") (result i32) (f64.const 0)))', 'type mismatch'],
    ['plugin.c', 'int on_init(void) { return nothing; }', 'nothing'],
    ['plugin.rs', '#![no_std]\nextern crate sluice;\nfn on_init() -> i32 { nothing }', 'nothing'],
    ['plugin.ts', 'export function on_init(): i32 { return nothing }', 'nothing'],
  ])('says what the compiler said of %s, and leaves the module of before', async (name, source, word) => {
    const folder = await pluginFolder({ [name]: source, 'old.wasm': 'old' })
    const build = buildPlugin(folder, { output: 'old.wasm' })
    await expect(build).rejects.toThrow(PluginBuildError)
    await expect(build).rejects.toThrow(word)
    expect(await readFile(join(folder, 'old.wasm'), 'utf8')).toBe('old')
  })

  test('wants one source, no more and no less', async () => {
    await expect(buildPlugin(await pluginFolder({}))).rejects.toThrow('has none of plugin.ts, plugin.c')
    const two = await pluginFolder({ 'plugin.c': '', 'plugin.wat': WAT })
    await expect(buildPlugin(two)).rejects.toThrow('more than one')
  })

  test('says which packages bring a compiler that is missing', async () => {
    const folder = await pluginFolder({ 'plugin.c': '' })
    vi.stubEnv('PATH', folder)
    await expect(buildPlugin(folder)).rejects.toThrow('apt-get install clang lld')
    vi.unstubAllEnvs()
  })
})
