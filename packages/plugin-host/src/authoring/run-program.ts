/** Runs a compiler and keeps what it said. */
import { spawn } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** How a program ended. */
export interface Ended {
  readonly code: number
  readonly output: string
}

/** Never rejects: a program that can not be started ends with code 127, as it does in a shell. */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly inherit?: boolean },
): Promise<Ended> {
  return await new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      stdio: options.inherit === true ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    const keep = (chunk: string): void => void (output += chunk)
    child.stdout?.setEncoding('utf8').on('data', keep)
    child.stderr?.setEncoding('utf8').on('data', keep)
    child.on('error', (error) => resolve({ code: 127, output: output + error.message }))
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
  })
}

/** The path of a program, if it is on `PATH`. */
export function findProgram(name: string): string | undefined {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, name)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Perhaps in the next one.
    }
  }
  return undefined
}

/** Tells one version of a program from another without starting it: by its file. */
export function fileIdentity(path: string): string {
  const { size, mtimeMs } = statSync(path)
  return `${path} ${size} ${mtimeMs}`
}
