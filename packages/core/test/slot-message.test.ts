/** What a user reads when the parts of a chain do not fit: the compiler's message has to name the slot. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const FIXTURE = new URL('fixtures/slot-message/', import.meta.url)

describe('a chain that needs a slot before it is set', () => {
  it('is refused by the compiler, at the right places, with the name of the slot', async () => {
    const output = await compile()
    const lines = readFileSync(new URL('unset-slot.ts', FIXTURE), 'utf8').split('\n')
    const wrong = lines.flatMap((line, index) => (line.includes('// must fail') ? [index + 1] : []))
    const errors = output.split(/\n(?=\S)/).filter((each) => each.includes('error TS'))
    const places = errors.map((each) => Number(/unset-slot\.ts\((\d+),/.exec(each)?.[1]))
    expect(wrong).toHaveLength(2)
    expect([...new Set(places)], output).toEqual(wrong)
    for (const line of wrong) {
      const message = errors.filter((_, index) => places[index] === line).join('\n')
      expect(message).toContain('auth.identity')
    }
  }, 20_000)
})

/** The output of the workspace's `tsc` for the fixture. */
async function compile(): Promise<string> {
  const tsc = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json')))
  const project = fileURLToPath(FIXTURE)
  return await new Promise((resolve, reject) => {
    execFile(process.execPath, [tsc, '-p', project, '--pretty', 'false'], (error, stdout, stderr) => {
      // 1 and 2 are how the compiler says that it has found errors.
      if (error === null) reject(new Error('the fixture compiles'))
      else if (stdout === '') reject(new Error(stderr, { cause: error }))
      else resolve(stdout)
    })
  })
}
