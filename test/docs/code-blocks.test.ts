/** The code in the documentation works when pasted: its blocks are taken out and run, as they stand. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { curl } from '../running/curl.ts'
import { Program, start } from '../running/program.ts'

/** The blocks marked `js` of a file of the repository. */
function blocksOf(path: string): string[] {
  const text = readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8')
  const blocks = [...text.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code!)
  if (blocks.length === 0) throw new Error(`${path} has no code`)
  return blocks
}

/** The same, put together. */
function codeOf(path: string): string {
  return blocksOf(path).join('\n')
}

async function expectToEndWell(code: string): Promise<void> {
  const program = new Program({ code })
  expect(await program.ended, program.output).toBe(0)
}

describe('documentation', { timeout: 30_000 }, () => {
  test('the README has an example of at most 15 lines that balances', async () => {
    const code = codeOf('README.md')
    expect(code.trimEnd().split('\n').length).toBeLessThanOrEqual(15)
    const program = await start({ code })
    const replies = await curl({ text: `curl ${program.url}/users/[1-4]`, statuses: [] }, program.url)
    expect(replies.map(({ body }) => body).toSorted()).toEqual(['one\n', 'one\n', 'two\n', 'two\n'])
    const [health] = await curl({ text: `curl ${program.url}/health`, statuses: [] }, program.url)
    expect(health?.body).toBe('ok\n')
  })

  test.each([
    'packages/auth/README.md',
    'packages/balancers/README.md',
    'packages/cache/README.md',
    'packages/core/README.md',
    'packages/plugin-host/README.md',
    'packages/rate-limit/README.md',
    'packages/resilience/README.md',
    'packages/transforms/README.md',
    'packages/websocket/README.md',
    'packages/wire/README.md',
  ])('each example of %s holds', async (path) => {
    await Promise.all(blocksOf(path).map(expectToEndWell))
  })

  test.each([
    'access-control',
    'authentication',
    'caching',
    'grpc',
    'http2',
    'rate-limiting',
    'resilience',
    'tls',
    'websocket',
  ])('the guide on %s is one program, and holds', async (name) => {
    await expectToEndWell(codeOf(`docs/guides/${name}.md`))
  })

  test('the page on plugins is one program, and holds', async () => {
    await expectToEndWell(codeOf('docs/plugins.md'))
  })

  test('the guide is one program, which mounts the gateway everywhere and ends', async () => {
    // Fixed ports are for reading; two runs at once must not meet.
    const code = codeOf('docs/guides/first-gateway.md').replaceAll(/(listen\(|port: )\d{4}/g, '$10')
    const program = new Program({ code })
    expect(await program.ended, program.output).toBe(0)
    expect(program.output).toContain('listening on')
  })
})
