/** Four processes at one Redis: together they let no more pass than the limit says. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { waitFor } from '@sluice/testing'
import { expect, it, onTestFinished } from 'vitest'
import type { Task } from './limiting-process.ts'
import { localRedis } from './local-redis.ts'

const PROGRAM = fileURLToPath(new URL('limiting-process.ts', import.meta.url))
const LIMIT = 300
const REQUESTS = 400

async function limitingProcess(port: number) {
  const child = spawn(process.execPath, ['--conditions=@sluice/source', PROGRAM, String(port)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  child.stdout.setEncoding('utf8').on('data', (text: string) => lines.push(...text.trim().split('\n')))
  await waitFor(() => lines.length === 1, { what: 'a process', timeoutMs: 15_000 })
  return async (task: Task) => {
    const expected = lines.length + 1
    child.stdin.write(`${JSON.stringify(task)}\n`)
    await waitFor(() => lines.length === expected, { what: 'its count', timeoutMs: 5_000 })
    return Number(lines.at(-1))
  }
}

it(
  'lets at most the limit pass, whatever the algorithm, and at least all but a block each',
  { timeout: 30_000 },
  async () => {
    const redis = await localRedis()
    const processes = await Promise.all([1, 2, 3, 4].map(async () => await limitingProcess(redis.port)))
    const totalOf = async (task: Omit<Task, 'limit' | 'requests'>) => {
      const counts = await Promise.all(processes.map((run) => run({ ...task, limit: LIMIT, requests: REQUESTS })))
      return counts.reduce((sum, count) => sum + count)
    }
    expect(await totalOf({ name: 'bucket', algorithm: 'token-bucket', leaseUnits: 0 })).toBe(LIMIT)
    expect(await totalOf({ name: 'window', algorithm: 'sliding-window', leaseUnits: 0 })).toBe(LIMIT)
    expect(await totalOf({ name: 'cells', algorithm: 'gcra', leaseUnits: 0 })).toBe(1)
    const leased = await totalOf({ name: 'blocks', algorithm: 'token-bucket', leaseUnits: 20 })
    expect(leased).toBeLessThanOrEqual(LIMIT)
    expect(leased).toBeGreaterThanOrEqual(LIMIT - 4 * 20)
  },
)
