/** The upstream of a run: a process of its own that does as little as possible per request. */
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { findProgram } from './external-program.mjs'
import { freePort, startProgram } from './processes.mjs'
import { replyBody } from './reply-body.mjs'

const NGINX = fileURLToPath(new URL('../upstreams/nginx.mjs', import.meta.url))
const CONSTANT = fileURLToPath(new URL('../upstreams/constant.mjs', import.meta.url))
const ECHO = fileURLToPath(new URL('../upstreams/echo.mjs', import.meta.url))
const PROGRAMS = { nginx: NGINX, constant: CONSTANT, echo: ECHO }

/**
 * nginx where it is on PATH; but where requests have bodies the constant, because nginx's `return` answers before it
 * has read them, and what a proxy does then is another question than what a body costs. `echo` where a scenario asks for
 * it, which answers messages of so many bytes.
 */
export async function startUpstream({ replyBytes, messageBytes, readsBodies, kind = usualKind(readsBodies) }) {
  const port = await freePort()
  // In every reply, so that a subject's reply shows whether it has been there.
  const token = randomUUID()
  const args = [port, replyBytes, token, ...(messageBytes === undefined ? [] : [messageBytes])]
  const { stop } = await startProgram(PROGRAMS[kind], args)
  return { kind, token, stop, url: `http://127.0.0.1:${port}`, body: replyBody(replyBytes) }
}

function usualKind(readsBodies) {
  return readsBodies || findProgram('nginx') === undefined ? 'constant' : 'nginx'
}
