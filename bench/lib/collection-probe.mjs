/** Loaded into a subject's process by `--import`: collects its garbage when asked, so that what is left is what is held. */
import { createServer } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')

const server = createServer((socket) => {
  socket.on('data', () => {
    collect()
    socket.write('{}\n')
  })
  socket.on('error', () => socket.destroy())
  socket.unref()
})
// A name of Linux that no file stands for, and that goes with its process.
server.listen(`\0sluice-bench-${process.pid}`).unref()
