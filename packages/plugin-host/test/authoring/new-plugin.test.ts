import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { newPlugin, type PluginLanguage, testPlugin } from '../../src/authoring/index.ts'
import { CACHE, workFolder } from './plugin-folder.ts'

const LANGUAGES: readonly PluginLanguage[] = ['assemblyscript', 'c', 'rust', 'wat']

// A compiler that runs for the first time, and Node for the tests: seconds on a busy machine.
describe('a new plugin', { timeout: 60_000 }, () => {
  // All at once: most of it is Node starting.
  test('builds, and passes its tests, in every language', async () => {
    const parents = await Promise.all(LANGUAGES.map(() => workFolder()))
    const runs = await Promise.all(
      LANGUAGES.map(async (language, i) => {
        const folder = await newPlugin('greeter', { language, parent: parents[i]! })
        return { language, ...(await testPlugin(folder, { cacheFolder: CACHE })) }
      }),
    )
    expect(runs).toEqual(
      LANGUAGES.map((language) => ({
        language,
        passed: true,
        output: expect.stringMatching(/fuel of this exchange: \d+\n[^]*pass 2\b/) as string,
      })),
    )
  })

  test('fails its tests when its manifest no longer grants what it does', async () => {
    const folder = await newPlugin('greeter', { language: 'wat', parent: await workFolder() })
    const manifest = join(folder, 'plugin.yaml')
    await writeFile(manifest, (await readFile(manifest, 'utf8')).replace('[x-greeting]', '[]'))
    const { passed, output } = await testPlugin(folder, { cacheFolder: CACHE })
    expect({ passed, output }).toEqual({ passed: false, output: expect.stringMatching(/fail 1\b/) as string })
  })

  test('has its name everywhere, and asks for the compiler that it needs', async () => {
    const folder = await newPlugin('my-own', { parent: await workFolder() })
    const [manifest, readme, ignored, description] = await Promise.all(
      ['plugin.yaml', 'README.md', '.gitignore', 'package.json'].map((name) => readFile(join(folder, name), 'utf8')),
    )
    expect(manifest).toContain('\nname: my-own\n')
    expect(readme).toMatch(/^# my-own\n/)
    expect(ignored).toContain('dist/')
    expect(JSON.parse(description!)).toMatchObject({
      name: 'my-own',
      devDependencies: { assemblyscript: expect.stringMatching(/^\^0\.28/) as string },
    })
  })

  test.each(['', 'Greeter', '../greeter', '1st', 'a b', 'x'.repeat(64)])('is not called "%s"', async (name) => {
    await expect(newPlugin(name, { parent: await workFolder() })).rejects.toThrow('is no name')
  })

  test('does not write over what is there', async () => {
    const parent = await workFolder()
    await newPlugin('greeter', { language: 'c', parent })
    await expect(newPlugin('greeter', { language: 'wat', parent })).rejects.toThrow('is there already')
  })
})
