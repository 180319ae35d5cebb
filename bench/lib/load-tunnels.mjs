/** WebSocket messages, by a process of raw sockets: the frames that it sends were masked before it starts. */
import { fileURLToPath } from 'node:url'
import { run } from './processes.mjs'

const PROGRAM = fileURLToPath(new URL('tunnel-client.mjs', import.meta.url))

export const tunnelMessages = { name: 'a program of raw sockets', apply: loadTunnels }

/** A `request` of the result is a message, of which each echo is two: one there, one back. */
async function loadTunnels({ port }, { connections, seconds, messageBytes }) {
  const args = [PROGRAM, port, connections, seconds, messageBytes].map(String)
  const { code, stdout, stderr } = await run(process.execPath, args)
  if (code !== 0) throw new Error(stderr.trim().split('\n').at(-1) || 'the load ended early')
  const { echoes, ...rest } = JSON.parse(stdout)
  return { requests: 2 * echoes, ...rest, errors: echoes === 0 ? ['no echo at all', ...rest.errors] : rest.errors }
}
