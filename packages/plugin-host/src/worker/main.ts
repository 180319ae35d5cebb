/** Where a plugin's thread begins; see `plugin-thread.ts`. On any other thread it does nothing. */
import { parentPort, workerData } from 'node:worker_threads'
import { extismRuntime } from '../runtime/extism-runtime.ts'
import { PluginLoop } from './plugin-loop.ts'
import { ThreadLine } from './thread-line.ts'
import { receiveManifest, type ThreadStart } from './thread-start.ts'

if (parentPort !== null) {
  const start = workerData as ThreadStart
  const line = new ThreadLine(start, parentPort)
  await new PluginLoop(line, receiveManifest(start.manifest), extismRuntime.adopt(start.code), start).run()
}
