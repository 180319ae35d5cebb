/** nginx as a proxy, and what that has in common with nginx as an upstream. */
import { userInfo } from 'node:os'
import { serveWith } from './external-program.mjs'
import { CIPHER } from './tls-options.mjs'

/**
 * Serves as a proxy. Bodies stream as they do in the Node proxies: the default would collect a large request body in a
 * file first, and could put part of a large reply into one, which costs it processor time.
 */
export async function serveNginxProxy({ port, upstream, certificate, extra = '', http = '' }) {
  const [listens, tls] = certificate === undefined ? ['', ''] : [' ssl http2', tlsLines(certificate)]
  const host = `proxy_pass http://bench;\n      proxy_http_version 1.1;`
  const server = `${http}
  upstream bench { server ${new URL(upstream).host}; keepalive 256; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096${listens};
    ${tls}
    location / {
      ${host}
      proxy_set_header Connection "";
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
      ${extra}
    }
    location /tunnel {
      ${host}
      proxy_set_header Connection Upgrade;
      proxy_set_header Upgrade $http_upgrade;
      proxy_read_timeout 1h;
    }
  }`
  await serveWith('nginx', {
    port: Number(port),
    files: (folder) => ({ 'nginx.conf': nginxConfig(folder, server) }),
    args: nginxArgs,
  })
}

/**
 * One worker, no log, connections that stay open on both sides for as long as a run takes. The temporary folders are
 * named because the defaults may not be writable; nothing is written there.
 */
export function nginxConfig(folder, http) {
  // Started by root, the worker would become a user who can't read the folder; otherwise nginx refuses the line.
  const user = userInfo().uid === 0 ? 'user root;' : ''
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `
daemon off;
${user}
worker_processes 1;
error_log stderr crit;
pid ${folder}/nginx.pid;
events { worker_connections 24576; }
http {
  access_log off;
  server_tokens off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 75s;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  ${http}
}
`
}

function tlsLines(folder) {
  return `ssl_certificate ${folder}/cert.pem;
    ssl_certificate_key ${folder}/key.pem;
    ssl_protocols TLSv1.3;
    ssl_conf_command Ciphersuites ${CIPHER};`
}

/** The command line for a configuration in `folder/nginx.conf`. */
export function nginxArgs(folder) {
  return ['-p', folder, '-c', `${folder}/nginx.conf`, '-e', 'stderr']
}
