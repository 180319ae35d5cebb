import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

// Packages resolve to their sources, so a test never meets a stale build. The rest is Vite's own list for servers.
const conditions = ['@sluice/source', 'module', 'node', 'development|production']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['@sluice/source', 'node'] } },
  test: {
    // Most of a test's time is waiting for sockets, so a worker less than the machine has cores would leave one idle.
    maxWorkers: 2,
    // Only what hangs should be ended: on a busy machine a test that is fine may take long.
    testTimeout: 20_000,
    expect: { poll: { timeout: 5_000 } },
    include: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts'],
    // The same for the processes that a test starts, and for what Node itself resolves.
    execArgv: ['--conditions=@sluice/source'],
    env: {
      NODE_OPTIONS: '--conditions=@sluice/source',
      // They would strip and compile the same sources again, each for a third of a second.
      NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/compile', import.meta.url)),
    },
    typecheck: {
      include: ['packages/*/test/**/*.test-d.ts', 'test/**/*.test-d.ts'],
      tsconfig: './tsconfig.types.json',
    },
  },
})
