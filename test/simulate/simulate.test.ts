/** `pnpm simulate` in small: that it runs, that its figures are the seed's alone, and that they are plausible. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const MAIN = fileURLToPath(new URL('../../bench/simulate/main.mjs', import.meta.url))

interface Row {
  readonly balancer: string
  readonly gates: string
  readonly figures: Readonly<Record<string, number>>
}

async function simulate(...args: string[]): Promise<readonly Row[]> {
  const small = ['--targets', '100', '--requests', '20000', '--json']
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, ...small, ...args])
  return JSON.parse(stdout) as Row[]
}

test('the same seed gives the same figures, and another seed others', { timeout: 30_000 }, async () => {
  const args = ['--balancers', 'power of two choices', '--gates', 'both']
  const [one, again, other] = await Promise.all([
    simulate(...args, '--seed', '7'),
    simulate(...args, '--seed', '7'),
    simulate(...args, '--seed', '8'),
  ])
  expect(again[0]!.figures).toEqual(one[0]!.figures)
  expect(other[0]!.figures).not.toEqual(one[0]!.figures)
})

test(
  'a target that fails fast attracts who looks for idle ones, until gates close it',
  { timeout: 30_000 },
  async () => {
    const rows = await simulate('--balancers', 'round-robin,least connections')
    const [even, evenGated, least, leastGated] = rows.map(({ figures }) => figures)
    expect(rows.map(({ balancer, gates }) => `${balancer} ${gates}`)).toEqual([
      'round-robin none',
      'round-robin both',
      'least connections none',
      'least connections both',
    ])
    expect(even!['busiest']).toBe(1)
    expect(even!['failures']).toBeCloseTo(0.1, 3)
    expect(least!['failures']).toBeGreaterThan(0.2)
    for (const { ejectedFailing, failures } of [evenGated!, leastGated!] as { [name: string]: number }[]) {
      expect(ejectedFailing).toBe(10)
      expect(failures).toBeLessThan(0.01)
    }
    // The slow ones get an even share of the one, and little of the other.
    expect(even!['p99']).toBeGreaterThan(4_900)
    expect(least!['p99']).toBeLessThan(1_000)
  },
)
