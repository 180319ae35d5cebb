/**
 * A gateway in a process of its own that counts what it allocates on its heap: between two collections a heap only grows, so
 * the growth from the end of each collection to the beginning of the next, added up, is all that was allocated. Its argument
 * is the origin of its upstream. It tells its parent the port, starts to count at any message, and answers the next one.
 */
import { getHeapStatistics, GCProfiler } from 'node:v8'
import { createProxy, createUpstream } from '@sluice/core'

const upstream = createUpstream('only', { targets: [process.argv[2]!] })
const proxy = createProxy().route({ path: '/*' }, (route) => route.forward(upstream))
const { address } = await proxy.listen({ host: '127.0.0.1' })

let stop: (() => number) | undefined
process.on('message', () => {
  if (stop === undefined) {
    stop = count()
    process.send!('counting')
  } else {
    process.send!(stop())
    stop = undefined
  }
})
process.once('disconnect', () => process.exit())
process.send!(address.port)

/** Starts to count; what it returns ends that and gives the bytes. */
function count(): () => number {
  const profiler = new GCProfiler()
  profiler.start()
  let level = getHeapStatistics().used_heap_size
  return () => {
    const last = getHeapStatistics().used_heap_size
    let bytes = 0
    for (const { beforeGC, afterGC } of profiler.stop().statistics) {
      bytes += beforeGC.heapStatistics.usedHeapSize - level
      level = afterGC.heapStatistics.usedHeapSize
    }
    return bytes + last - level
  }
}
