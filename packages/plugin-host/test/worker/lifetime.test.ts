/** Threads end with what they are for: a swap, a close, the process. Among the sources, and in the build. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const PROCESS = fileURLToPath(new URL('threads-process.ts', import.meta.url))
const NO_THREADS = fileURLToPath(new URL('no-threads-process.ts', import.meta.url))
const SWAPS = 2

it.each([
  ['sources', ['--conditions=@sluice/source']],
  ['build', []],
])(
  'swaps leave no thread behind, no exchange without a version, and the process ends by itself: %s',
  { timeout: 60_000 },
  async (_, args) => {
    const env = { ...process.env, NODE_OPTIONS: '' }
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [...args, PROCESS, `${SWAPS}`], {
      env,
      timeout: 50_000,
    })
    expect(JSON.parse(stdout)).toEqual({ wrong: 0, swaps: SWAPS, refused: true, threads: 0 })
    expect(stderr).toBe('')
  },
)

it('where there are no threads the plugin is not loaded', { timeout: 60_000 }, async () => {
  const args = ['--permission', '--allow-fs-read=*', '--conditions=@sluice/source', NO_THREADS]
  const env = { ...process.env, NODE_OPTIONS: '', NODE_COMPILE_CACHE: '' }
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: 50_000 })
  const { code, message, plugins } = JSON.parse(stdout) as { code: string; message: string; plugins: number }
  expect([code, plugins]).toEqual(['ERR_SLUICE_PLUGIN_REFUSED', 0])
  expect(message).toContain('its thread can not be started')
})
