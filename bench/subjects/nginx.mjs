/** nginx, one worker, with buffers of the default size. */
import { serveNginxProxy } from '../lib/nginx-config.mjs'

const [port, upstream] = process.argv.slice(2)

await serveNginxProxy({ port, upstream })
