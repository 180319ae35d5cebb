/**
 * Loaded into a subject's process by `--import`: counts what it allocates, between two words on a socket named after its
 * process id.
 *
 * V8 keeps no running total, but it knows how full its heap is, and between two collections a heap only grows: the sum of
 * its growth from the end of each collection to the beginning of the next is what was allocated, collected or not.
 *
 * Bytes of buffers stand outside the heap, and V8's figures around a collection leave them out. They are looked at every
 * millisecond, and growth is added up. What is freed between two looks is missing, so that this sum is a lower bound.
 */
import { createServer } from 'node:net'
import { getHeapStatistics, GCProfiler } from 'node:v8'

const LOOK_EVERY_MS = 1

let counting

const server = createServer((socket) => {
  socket.setEncoding('latin1')
  socket.on('data', (word) => socket.write(`${JSON.stringify(word === 'start' ? start() : stop())}\n`))
  socket.on('error', () => socket.destroy())
  socket.unref()
})
// A name of Linux that no file stands for, and that goes with its process.
server.listen(`\0sluice-bench-${process.pid}`).unref()

function start() {
  const profiler = new GCProfiler()
  profiler.start()
  counting = { profiler, heapBefore: getHeapStatistics().used_heap_size, ...watchBuffers() }
  return {}
}

function stop() {
  let heap = counting.heapBefore
  const heapAfter = getHeapStatistics().used_heap_size
  const { statistics } = counting.profiler.stop()
  let heapBytes = 0
  for (const { beforeGC, afterGC } of statistics) {
    heapBytes += beforeGC.heapStatistics.usedHeapSize - heap
    heap = afterGC.heapStatistics.usedHeapSize
  }
  return {
    heapBytes: heapBytes + heapAfter - heap,
    bufferBytes: counting.bufferBytes(),
    collections: statistics.length,
  }
}

function watchBuffers() {
  let sum = 0
  let level = process.memoryUsage().arrayBuffers
  const look = () => {
    const now = process.memoryUsage().arrayBuffers
    if (now > level) sum += now - level
    level = now
  }
  const timer = setInterval(look, LOOK_EVERY_MS)
  return {
    bufferBytes() {
      look()
      clearInterval(timer)
      return sum
    },
  }
}
