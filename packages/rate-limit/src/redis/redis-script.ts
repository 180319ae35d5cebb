/** A Lua script, and how a call of it is written. */
import { hash } from 'node:crypto'

export class RedisScript {
  readonly text: string
  readonly #sha: string

  constructor(text: string) {
    this.text = text
    this.#sha = hash('sha1', text)
  }

  /** By its digest, as Redis knows it once it has run. */
  call(keys: readonly string[], args: readonly (string | number)[]): ScriptCall {
    return { script: this, command: ['evalsha', this.#sha, keys.length, ...keys, ...args] }
  }
}

/** One call. */
export interface ScriptCall {
  readonly script: RedisScript
  readonly command: readonly unknown[]
}

/** The same call with the whole text, for a Redis that has been started anew. */
export function withText({ script, command }: ScriptCall): unknown[] {
  return ['eval', script.text, ...command.slice(2)]
}

/** Whether Redis does not know a script by its digest. */
export function isUnknownScript(error: Error): boolean {
  return error.message.startsWith('NOSCRIPT')
}
