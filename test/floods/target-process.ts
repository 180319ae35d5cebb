/**
 * What attackers get through to: something large, something that takes all it is sent, and silence. It tells its parent the port, and
 * whenever it is asked how many requests have come since it was last asked.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { constants, setPriority } from 'node:os'

// In life it is another machine: it is not to take processor time from the proxy and from those who are measured.
setPriority(constants.priority.PRIORITY_LOW)

const LARGE = Buffer.alloc(2 * 1_048_576, 'x')
let attacks = 0

const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
  response.on('error', () => {})
  attacks++
  if (request.url === '/large') response.end(LARGE)
  else if (request.url === '/upload') request.resume().on('end', () => response.end())
})
server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port))

process.on('message', () => {
  process.send!(attacks)
  attacks = 0
})
process.once('disconnect', () => process.exit())
