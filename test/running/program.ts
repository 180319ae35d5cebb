/** A program of this repository as a child process: what it prints, what its curl lines do, how it ends. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { waitFor } from '@sluice/testing'
import { onTestFinished } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** How long a program may take to start on a busy machine. */
const START_MS = 15_000

/** What is run: a file, by its path in the repository, or source code, as if it stood in `test/`. */
export type ProgramSource = { readonly file: string } | { readonly code: string }

/** A program that has printed where it listens. */
export class Program {
  /** Where it listens: the first URL that it printed. */
  url = ''
  /** All that it has printed so far, errors included. */
  output = ''
  readonly ended: Promise<number | NodeJS.Signals>
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>

  constructor(source: ProgramSource, environment: NodeJS.ProcessEnv = {}) {
    const args = 'file' in source ? [source.file] : ['--input-type=module', '-']
    this.#child = spawn(process.execPath, ['--conditions=@sluice/source', ...args], {
      cwd: 'file' in source ? ROOT : `${ROOT}/test`,
      env: { ...process.env, PORT: '0', ...environment },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#child.stdin.end('code' in source ? source.code : '')
    const keep = (text: string) => (this.output += text)
    this.#child.stdout.setEncoding('utf8').on('data', keep)
    this.#child.stderr.setEncoding('utf8').on('data', keep)
    this.ended = once(this.#child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals)
    onTestFinished(() => void this.#child.kill('SIGKILL'))
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** Waits until it says where it listens. */
  async listening(): Promise<this> {
    let hasEnded = false
    void this.ended.then(() => (hasEnded = true))
    const found = () => /http:\/\/(?:localhost|127\.0\.0\.1):\d+/.exec(this.output)?.[0]
    await waitFor(() => found() !== undefined || hasEnded, { timeoutMs: START_MS, what: 'the URL of the program' })
    const url = found()
    if (url === undefined) throw new Error(`it ended before it listened:\n${this.output}`)
    this.url = url
    return this
  }
}

/** Starts a program that listens. It is killed when the test ends. */
export async function start(source: ProgramSource, environment?: NodeJS.ProcessEnv): Promise<Program> {
  return await new Program(source, environment).listening()
}
