/** The demo that `npm start` runs: every curl line that it prints does what the line above it says. */
import { waitFor } from '@sluice/testing'
import { describe, expect, test } from 'vitest'
import { type CurlReply, curl, type CurlLine, curlLines } from '../running/curl.ts'
import { type Program, start } from '../running/program.ts'

const demo = { file: 'examples/demo/main.ts' }

/** The printed curl lines for a path that begins with this. */
function printed(program: Program, path: string): CurlLine[] {
  const lines = curlLines(program.output).filter(({ text }) => text.includes(`${program.url}${path}`))
  if (lines.length === 0) throw new Error(`no curl line for ${path}:\n${program.output}`)
  return lines
}

async function doAll(program: Program, path: string): Promise<CurlReply[]> {
  const replies: CurlReply[] = []
  for (const line of printed(program, path)) replies.push(...(await curl(line, program.url)))
  return replies
}

function targetsOf(replies: readonly CurlReply[]): string[] {
  return replies.map(({ body }) => (JSON.parse(body) as { target: string }).target)
}

describe('the demo', { timeout: 30_000 }, () => {
  test('does what its curl lines say, and logs one line for each request', async () => {
    const program = await start(demo)
    const [balancing, afterStop] = printed(program, '/hello')

    const balanced = await curl(balancing!, program.url)
    expect(balanced.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200])
    expect(targetsOf(balanced).toSorted()).toEqual(['target-1', 'target-2', 'target-3'].flatMap((name) => [name, name]))

    expect((await doAll(program, '/demo/stop/2'))[0]?.body).toBe('target-2 is stopped\n')
    const failedOver = await curl(afterStop!, program.url)
    expect(failedOver.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200])
    expect(new Set(targetsOf(failedOver))).toEqual(new Set(['target-1', 'target-3']))
    expect(program.output).toMatch(/GET \/hello\?\d 200 target-2 \(ERR_SLUICE_CONNECT_REFUSED\) > target-[13] /)

    expect((await doAll(program, '/demo/start/2'))[0]?.body).toBe('target-2 is running\n')
    expect(targetsOf(await curl(balancing!, program.url))).toContain('target-2')

    const calls = await doAll(program, '/api/report')
    expect(calls.map(({ status }) => status)).toEqual([401, 200, 200, 200, 429])
    expect(calls[4]?.headers['retry-after']).toMatch(/^\d+$/)

    const [late] = await doAll(program, '/late')
    expect(late?.status).toBe(504)
    expect(late?.headers['content-type']).toBe('application/problem+json')
    expect(JSON.parse(late!.body)).toMatchObject({ status: 504, code: 'ERR_SLUICE_HEAD_TIMEOUT' })
    const [nowhere] = await doAll(program, '/nowhere')
    expect(JSON.parse(nowhere!.body)).toMatchObject({ status: 404, code: 'ERR_SLUICE_NO_ROUTE' })

    const [explained] = await doAll(program, '/demo/explain')
    expect(JSON.parse(explained!.body)).toMatchObject({ outcome: 'routed', middlewares: ['apiKey', 'tokenBucket'] })

    // Balancing, stop, again, start, again, the API, and one each of the last three.
    const requests = 6 + 1 + 6 + 1 + 6 + 5 + 3
    const logged = () => program.output.match(/^(?:GET|POST) \S+ \d{3} .+ \d+\.\d ms$/gm)?.length ?? 0
    await waitFor(() => logged() === requests, { what: 'all log lines' })
  })

  test('streams events as they are made, and drains them on SIGINT', async () => {
    const program = await start(demo)
    const [line] = printed(program, '/stream')
    let arrived = ''
    const reply = curl(line!, program.url, (text) => (arrived += text))
    await waitFor(() => arrived !== '', { timeoutMs: 5_000, what: 'the first event' })
    expect(arrived).not.toContain('event 5 of 5')

    program.signal('SIGINT')
    const [whole] = await reply
    expect(whole?.body).toContain('event 5 of 5')
    expect(await program.ended).toBe(0)
    expect(program.output).toContain('Draining: 1 under way.')
  })

  test('ends at once on SIGTERM when nothing is under way', async () => {
    const program = await start(demo)
    program.signal('SIGTERM')
    expect(await program.ended).toBe(0)
  })

  test('listens elsewhere where its port is taken', async () => {
    const first = await start(demo)
    const second = await start(demo, { PORT: new URL(first.url).port })
    expect(second.output).toContain('is taken')
    expect(second.url).not.toBe(first.url)
  })
})
