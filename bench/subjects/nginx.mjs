/** nginx, one worker, with buffers of the default size. */
import { serveNginxProxy } from '../lib/nginx-config.mjs'

const [port, upstream, certificate] = process.argv.slice(2)

await serveNginxProxy({ port, upstream, certificate })
