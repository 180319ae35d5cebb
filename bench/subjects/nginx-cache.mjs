/** nginx, one worker, with `proxy_cache` on tmpfs where the system has one: what a hit costs there is no disk. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serveNginxProxy } from '../lib/nginx-config.mjs'

const [port, upstream, certificate] = process.argv.slice(2)

const SHARED_MEMORY = '/dev/shm'
const folder = mkdtempSync(join(existsSync(SHARED_MEMORY) ? SHARED_MEMORY : tmpdir(), 'sluice-bench-cache-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

await serveNginxProxy({
  port,
  upstream,
  certificate,
  http: `proxy_cache_path ${folder} keys_zone=bench:10m max_size=64m inactive=1h use_temp_path=off;
  open_file_cache max=100 inactive=1h;
  open_file_cache_valid 1h;`,
  extra: `proxy_cache bench;
      proxy_cache_valid 200 1h;
      add_header X-Cache $upstream_cache_status;`,
})
