/** nginx, one worker, with buffers for large bodies: fewer system calls for each byte. */
import { serveNginxProxy } from '../lib/nginx-config.mjs'

const [port, upstream, certificate] = process.argv.slice(2)

const extra = 'proxy_buffer_size 32k; proxy_buffers 16 32k; client_body_buffer_size 64k;'
await serveNginxProxy({ port, upstream, certificate, extra })
