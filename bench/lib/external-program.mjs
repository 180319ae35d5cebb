/**
 * Runs a program that is not Node (nginx, HAProxy) as if it were one of ours: its configuration goes to a temporary
 * folder, it says `ready` when its port answers, and it ends with its launcher. The launcher sleeps while it serves.
 */
import { spawn } from 'node:child_process'
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** Where on PATH a program is, or `undefined`. */
export function findProgram(name) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(isExecutable)
}

/** `files(folder)` gives the files by name, `args(folder)` the command line; the folder is gone afterwards. */
export async function serveWith(name, { port, files, args }) {
  const program = findProgram(name)
  if (program === undefined) throw new Error(`${name} is not on PATH`)
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  for (const [file, content] of Object.entries(files(folder))) writeFileSync(join(folder, file), content)
  const child = spawn(program, args(folder), { stdio: ['ignore', 'ignore', 'inherit'] })
  child.once('exit', (code) => {
    rmSync(folder, { recursive: true, force: true })
    process.exit(code ?? 0)
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill('SIGTERM'))
  while (!(await answers(port))) await delay(50)
  console.log('ready')
}

function answers(port) {
  const { promise, resolve } = Promise.withResolvers()
  const socket = connect(port, '127.0.0.1')
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
  return promise.finally(() => socket.destroy())
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
