import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runPluginCommand } from '../../src/authoring/index.ts'
import { pluginFolder, workFolder } from './plugin-folder.ts'

const WAT = '(module (memory (export "memory") 1))'

async function run(...args: string[]): Promise<{ code: number; said: string }> {
  const lines: string[] = []
  const code = await runPluginCommand(args, { print: (line) => lines.push(line), name: 'sluice plugin' })
  return { code, said: lines.join('\n') }
}

describe('the command', () => {
  const before = process.cwd()
  beforeEach(async () => process.chdir(await workFolder()))
  afterEach(() => process.chdir(before))

  test('new makes a folder in the language that is asked for', async () => {
    const { code, said } = await run('new', 'greeter', '--language', 'wat')
    expect([code, said]).toEqual([0, expect.stringContaining('cd greeter && npm install && npm test')])
    expect(await readFile('greeter/plugin.wat', 'utf8')).toContain('on_request_head')
  })

  test('build prints size and hash, of as many folders as it is given', async () => {
    const folders = await Promise.all([1, 2].map(() => pluginFolder({ 'plugin.wat': WAT })))
    const { code, said } = await run('build', ...folders)
    const module = await readFile(join(folders[1]!, 'dist/plugin.wasm'))
    const sha256 = createHash('sha256').update(module).digest('hex')
    expect(code).toBe(0)
    expect(said.split('\n')).toHaveLength(2)
    expect(said).toContain(`${module.length} bytes sha256 ${sha256}`)
  })

  test('build fails where one of them fails, and builds the others', async () => {
    const [good, bad] = [await pluginFolder({ 'plugin.wat': WAT }), await pluginFolder({ 'plugin.wat': '(module' })]
    const { code, said } = await run('build', bad, good)
    expect(code).toBe(1)
    expect(said).toContain(`${bad}: plugin.wat:1:8: error: unexpected token`)
    expect(said).toContain('bytes sha256')
  })

  test.each([
    [['--help'], 0, 'sluice plugin new NAME'],
    [[], 2, 'sluice plugin new NAME'],
    [['constructor'], 2, 'sluice plugin build'],
    [['build', '--what'], 2, "Unknown option '--what'"],
    [['new'], 1, 'what is it to be called?'],
    [['new', 'x', '-l', 'cobol'], 1, 'languages are as, assemblyscript, c, rust, wat'],
    [['build', 'nowhere'], 1, 'has none of plugin.ts'],
    [['test', 'nowhere'], 1, 'has none of plugin.ts'],
  ])('%j ends with %i', async (args, code, said) => {
    expect(await run(...args)).toEqual({ code, said: expect.stringContaining(said) as string })
  })
})
