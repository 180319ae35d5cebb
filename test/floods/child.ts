/** A file of this folder as a process that answers whenever it is asked. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export class Child {
  readonly #process: ChildProcess
  #said = ''

  constructor(file: string, ...args: readonly (string | number)[]) {
    this.#process = fork(fileURLToPath(new URL(file, import.meta.url)), args.map(String), {
      execArgv: ['--conditions=@sluice/source'],
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    })
    this.#process.stderr!.on('data', (bytes: Buffer) => (this.#said += bytes.toString()))
  }

  /** What it has said on its standard error. */
  get errors(): string {
    return this.#said
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null
  }

  /** What it tells by itself when it has started. */
  async message(): Promise<unknown> {
    const [message] = (await once(this.#process, 'message')) as [unknown]
    return message
  }

  async ask(): Promise<unknown> {
    const answer = this.message()
    this.#process.send('?')
    return await answer
  }

  async close(): Promise<void> {
    if (!this.isRunning) return
    const exited = once(this.#process, 'exit')
    this.#process.disconnect()
    await exited
  }
}
