/**
 * Starts the processes of a run and sees to it that none outlives it: each is stopped by its own pid, with all that it
 * started itself, at the end, on an error and on Ctrl-C.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { processTree } from './proc-stat.mjs'

const READY_TIMEOUT_MS = 15_000
const STOP_TIMEOUT_MS = 3_000

const running = new Set()
let closing = false

/** Whether the run is being ended: what fails from now on fails because of that. */
export function isClosing() {
  return closing
}

/** Thrown where a program ends, or stays silent, before it says that it is ready. */
export class NotReadyError extends Error {
  constructor(message, stderr) {
    super(message)
    this.stderr = stderr
  }
}

/** Starts a Node program of this folder and waits for its line `ready`. `nodeArguments` are for Node itself. */
export async function startProgram(file, args, nodeArguments = []) {
  const child = launch(process.execPath, [...nodeArguments, file, ...args.map(String)])
  const stderr = collect(child.stderr)
  const signal = AbortSignal.timeout(READY_TIMEOUT_MS)
  const ended = once(child, 'exit').then(([code, killedBy]) => {
    throw new NotReadyError(`ended with ${code ?? killedBy}`, stderr())
  })
  try {
    await Promise.race([saysReady(child, signal), ended])
  } catch (error) {
    await stop(child)
    throw error
  }
  ended.catch(() => {}) // From here on its end is seen by whoever talks to it.
  return { pid: child.pid, stop: () => stop(child), stderr }
}

/** Runs a command to its end and gives what it wrote. */
export async function run(command, args) {
  const child = launch(command, args)
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  const [code] = await once(child, 'close')
  return { code, stdout: stdout(), stderr: stderr() }
}

/** Stops all that is still running; nothing can be started afterwards. */
export async function stopAll() {
  closing = true
  await Promise.all([...running].map(stop))
}

/** A loopback port that is free now. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

function launch(command, args) {
  if (closing) throw new Error('the run is being ended')
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '' },
  })
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

async function saysReady(child, signal) {
  let output = ''
  child.stdout.setEncoding('utf8')
  try {
    for (;;) {
      const [chunk] = await once(child.stdout, 'data', { signal })
      output += chunk
      if (/^ready$/m.test(output)) break
    }
  } catch {
    throw new NotReadyError(`was not ready after ${READY_TIMEOUT_MS / 1000} s`, '')
  }
  child.stdout.resume()
}

async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const pids = processTree(child.pid)
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  await Promise.race([exit, delay(STOP_TIMEOUT_MS, undefined, { ref: false })])
  // A launcher takes its children along; these are for one that could not.
  for (const pid of pids) kill(pid)
  await exit
}

function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended: what was wanted.
  }
}

/** Keeps the stream flowing and its last few thousand characters. */
function collect(stream) {
  let text = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk) => (text = (text + chunk).slice(-8192)))
  return () => text
}
