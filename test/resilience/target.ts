/** A target process as its test sees it: it keeps its port and its journal across restarts. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TargetMode } from './target-process.ts'

const SCRIPT = fileURLToPath(new URL('target-process.ts', import.meta.url))

export class TargetProcess {
  readonly name: string
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'sluice-target-'))
  #port = 0
  #child: ChildProcess | undefined

  constructor(name: string) {
    this.name = name
  }

  get port(): number {
    return this.#port
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Starts the process, again or for the first time; resolves when it listens. */
  async start(): Promise<this> {
    const child = fork(SCRIPT, [String(this.#port), this.name, this.#journal], { execArgv: [] })
    this.#child = child
    const exited = once(child, 'exit').then(([code]) => Promise.reject(new Error(`${this.name} ended with ${code}`)))
    const [port] = (await Promise.race([once(child, 'message'), exited])) as [number]
    exited.catch(() => {})
    this.#port = port
    return this
  }

  /** Ends it as a crash or the kernel does: at once, and without a word. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Ends it as an orchestrator does. */
  async terminate(): Promise<void> {
    await this.#end('SIGTERM')
  }

  /** Stops it where it stands: connections are accepted by the kernel, and nobody answers. */
  freeze(): void {
    this.#child?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }

  answer(mode: TargetMode): void {
    this.#child?.send(mode)
  }

  /** The ids of all requests that it has received, in order, and `cut N` where it ended with N under way. */
  received(): string[] {
    return readFileSync(this.#journal, 'utf8').split('\n').slice(0, -1)
  }

  async close(): Promise<void> {
    await this.kill()
    rmSync(this.#folder, { recursive: true })
  }

  get #journal(): string {
    return join(this.#folder, 'received')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    this.#child = undefined
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }
}

/** Starts so many, named `one`, `two`, `three`. */
export async function startTargets(): Promise<TargetProcess[]> {
  return await Promise.all(['one', 'two', 'three'].map(async (name) => await new TargetProcess(name).start()))
}
