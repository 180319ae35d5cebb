/** Varnish, with its cache in memory. */
import { serveWith } from '../lib/external-program.mjs'

const [port, upstream] = process.argv.slice(2)
const { hostname, port: upstreamPort } = new URL(upstream)

const CONFIG = `vcl 4.1;
backend default { .host = "${hostname}"; .port = "${upstreamPort}"; }
sub vcl_backend_response { set beresp.ttl = 1h; }
`

await serveWith('varnishd', {
  port: Number(port),
  files: () => ({ 'bench.vcl': CONFIG }),
  // Its jail would keep it from reading the file.
  args: (folder) => [
    '-F',
    `-n${folder}/varnish`,
    `-a127.0.0.1:${port}`,
    `-f${folder}/bench.vcl`,
    '-smalloc,64m',
    '-jnone',
  ],
})
