/** nginx as a proxy, and what that has in common with nginx as an upstream. */
import { userInfo } from 'node:os'
import { serveWith } from './external-program.mjs'

/**
 * Serves as a proxy. Bodies stream as they do in the Node proxies: the default would collect a large request body in a
 * file first, and could put part of a large reply into one, which costs it processor time.
 */
export async function serveNginxProxy({ port, upstream, extra = '' }) {
  const server = `upstream bench { server ${new URL(upstream).host}; keepalive 256; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://bench;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
      ${extra}
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
events { worker_connections 16384; }
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

/** The command line for a configuration in `folder/nginx.conf`. */
export function nginxArgs(folder) {
  return ['-p', folder, '-c', `${folder}/nginx.conf`, '-e', 'stderr']
}
