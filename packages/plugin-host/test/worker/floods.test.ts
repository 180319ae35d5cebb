/** A guest that keeps the proxy busy rather than itself: the proxy goes on with everything else, and ends it with its time. */
import { expect, it } from 'vitest'
import { hook } from '../guest.ts'
import { DONE, IF_ASKED, started, WRITE } from './isolated-plugin.ts'

const COMPUTE_MS = 250

it.each([
  // Bytes of a log are counted for each call; a line without any has none.
  ['lines of its log', '(drop (call $log (i32.const 2) (i32.const 0) (i32.const 0)))'],
  ['metrics', '(drop (call $metric (i32.const 0) {key} (f64.const 1)))'],
  ['questions', '(drop (call $kv_get {key} {buf} (i32.const 9)))'],
])('of %s does not hold up the proxy, and ends with its time', async (_, instruction) => {
  const code = hook('on_request_head', `${IF_ASKED('spin', `(loop ${instruction} (br 0))`)} ${DONE}`)
  const onLog = () => {
    // Slower than the guest: as somebody is who writes lines somewhere.
    const until = performance.now() + 0.05
    while (performance.now() < until);
  }
  const capabilities = { ...WRITE, kv: { prefixes: ['k'] }, metrics: true }
  const limits = { computeMs: COMPUTE_MS }
  const { send, state } = await started(code, { capabilities, limits }, { onLog })
  await send()
  let longestMs = 0
  let before = performance.now()
  let isOver = false
  const turn = () => {
    const now = performance.now()
    longestMs = Math.max(longestMs, now - before)
    before = now
    if (!isOver) setImmediate(turn)
  }
  turn()
  expect((await send({ 'x-spin': '1' })).status).toBe(504)
  isOver = true
  expect(state()).toMatchObject({ faults: { timeout: 1 }, threads: { lost: 1 } })
  expect(longestMs).toBeLessThan(COMPUTE_MS)
})
