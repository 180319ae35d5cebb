/** HAProxy, one thread. */
import { serveWith } from '../lib/external-program.mjs'

const [port, upstream] = process.argv.slice(2)

const CONFIG = `
global
  nbthread 1
  maxconn 12000
  no strict-limits
defaults
  mode http
  timeout connect 5s
  timeout client 75s
  timeout server 60s
  timeout http-keep-alive 75s
  http-reuse always
frontend bench
  bind 127.0.0.1:${port} backlog 4096
  default_backend upstream
backend upstream
  server one ${new URL(upstream).host}
`

await serveWith('haproxy', {
  port: Number(port),
  files: () => ({ 'haproxy.cfg': CONFIG }),
  args: (folder) => ['-db', '-q', '-f', `${folder}/haproxy.cfg`],
})
