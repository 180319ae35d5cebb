/**
 * `npm start`: from a bare clone to the running demo.
 *
 * A Ctrl-C in a terminal goes to every process of the foreground group, and npm hands on the one that it got: the same
 * key press would reach the demo up to three times, where the second means "at once". So the demo gets a group of its
 * own, and this process passes each key press on once. The script in package.json starts with `exec` because the shell
 * between npm and this process would otherwise die of the signal, and `npm start` with it, or keep the signal to itself.
 */
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { join } from 'node:path'
import { environment, install, nodeBinary, root, step } from './steps.mjs'

/** Signals closer together than this are one key press. */
const SAME_PRESS_MS = 300

const runDemo = () => {
  const demo = spawn(nodeBinary(24), [join('examples', 'demo', 'main.ts')], {
    cwd: root,
    env: environment(),
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  })
  let lastSignalAt = -Infinity
  const passOn = (signal) => {
    const now = performance.now()
    if (now - lastSignalAt < SAME_PRESS_MS) return
    lastSignalAt = now
    demo.kill(signal)
  }
  process.on('SIGINT', () => passOn('SIGINT'))
  process.on('SIGTERM', () => passOn('SIGTERM'))
  process.on('SIGHUP', () => passOn('SIGTERM'))
  demo.on('error', (error) => {
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  })
  demo.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
}

if ((await install()) && (await step('build', 'tsup'))) runDemo()
else process.exitCode = 1
