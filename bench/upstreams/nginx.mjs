/** `nginx.mjs PORT BYTES TOKEN`: nginx that answers every GET with the same JSON. It does not read request bodies. */
import { serveWith } from '../lib/external-program.mjs'
import { nginxArgs, nginxConfig } from '../lib/nginx-config.mjs'
import { replyBody } from '../lib/reply-body.mjs'

const [port, bytes, token] = process.argv.slice(2)
const body = replyBody(Number(bytes))

/** A string in its configuration may have 4 KiB at most; what is longer is sent from a file that stays open. */
const content =
  body.length < 3072
    ? `return 200 '${body}';`
    : 'rewrite ^ /body.json break; open_file_cache max=4 inactive=600s; open_file_cache_valid 600s;'

await serveWith('nginx', {
  port: Number(port),
  files: (folder) => ({
    'body.json': body,
    'nginx.conf': nginxConfig(
      folder,
      `server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${folder};
    default_type application/json;
    add_header X-Upstream-Token ${token};
    location / { ${content} }
  }`,
    ),
  }),
  args: nginxArgs,
})
