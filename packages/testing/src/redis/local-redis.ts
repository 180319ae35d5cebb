/** A Redis or Valkey of a test's own, on a free port of loopback: it can be killed, stopped, continued and started again. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { waitFor } from '../wait-for.ts'

const PROGRAMS = ['redis-server', 'valkey-server']
const ATTEMPTS = 5

/** See {@link startRedis}. */
export class LocalRedis {
  readonly port: number
  #child: ChildProcess | undefined

  constructor(port: number) {
    this.port = port
  }

  /** Resolves when it takes connections; says whether it does: its port may have been taken meanwhile. It has forgotten everything. */
  async start(): Promise<boolean> {
    const where = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--dir', tmpdir()]
    const child = spawn(program(), [...where, '--save', '', '--appendonly', 'no'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    this.#child = child
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    const hasEnded = () => child.exitCode !== null || child.signalCode !== null
    await waitFor(() => output.includes('Ready to accept connections') || hasEnded(), {
      what: 'Redis',
      timeoutMs: 10_000,
    })
    return !hasEnded()
  }

  /** As when its machine loses power. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  /** It keeps its connections and answers nothing. */
  hang(): void {
    this.#child!.kill('SIGSTOP')
  }

  /** After {@link hang}. */
  goOn(): void {
    this.#child!.kill('SIGCONT')
  }
}

/**
 * Starts one, empty and without a disk. To be killed when the test ends.
 * @throws {Error} where there is neither `redis-server` nor `valkey-server` on PATH
 */
export async function startRedis(): Promise<LocalRedis> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const redis = new LocalRedis(await freePort())
    if (await redis.start()) return redis
  }
  throw new Error('Redis does not start')
}

function program(): string {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const found = PROGRAMS.find((name) => folders.some((folder) => existsSync(join(folder, name))))
  if (found === undefined)
    throw new Error('these tests need redis-server or valkey-server: apt-get install redis-server')
  return found
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
