/** HAProxy, one thread. */
import { serveWith } from '../lib/external-program.mjs'
import { CIPHER } from '../lib/tls-options.mjs'

const [port, upstream, certificate] = process.argv.slice(2)
const tls = certificate === undefined ? '' : `ssl crt ${certificate}/both.pem alpn h2,http/1.1`

const CONFIG = `
global
  nbthread 1
  maxconn 12000
  no strict-limits
  ssl-default-bind-ciphersuites ${CIPHER}
  ssl-default-bind-options ssl-min-ver TLSv1.3
defaults
  mode http
  timeout connect 5s
  timeout client 75s
  timeout server 60s
  timeout http-keep-alive 75s
  timeout tunnel 1h
  http-reuse always
frontend bench
  bind 127.0.0.1:${port} backlog 4096 ${tls}
  default_backend upstream
backend upstream
  server one ${new URL(upstream).host}
`

await serveWith('haproxy', {
  port: Number(port),
  files: () => ({ 'haproxy.cfg': CONFIG }),
  args: (folder) => ['-db', '-q', '-f', `${folder}/haproxy.cfg`],
})
