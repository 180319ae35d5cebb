/** curl as a client of HTTP/2, by ALPN and by prior knowledge. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { createProxy, createUpstream } from '@sluice/core'
import { certificateAuthority } from '@sluice/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const run = promisify(execFile)
const MIB = 1_048_576
/** What `-w` prints behind the reply. */
const SUMMARY = '\n%{http_version} %{response_code} %{size_download} %{num_connects}'

function answer(request: IncomingMessage, response: ServerResponse): void {
  if (request.url === '/trailers') {
    response.writeHead(200, { Trailer: 'X-Sum' })
    response.write('body')
    response.addTrailers({ 'X-Sum': '42' })
    response.end()
  } else if (request.url === '/hints') {
    response.writeEarlyHints({ link: '</style.css>; rel=preload' })
    response.end('page')
  } else if (request.url === '/large') {
    response.writeHead(200, { 'Content-Length': 8 * MIB }).end(Buffer.alloc(8 * MIB, 'x'))
  } else {
    const { method, headers } = request
    let length = 0
    request.on('data', (chunk: Buffer) => (length += chunk.length))
    request.on('end', () => response.end(`${method} ${headers.host} ${headers.cookie} ${length}`))
  }
}

let origins: Record<'plain' | 'secure', string>
let close: () => Promise<void>

beforeAll(async () => {
  const target = createServer(answer)
  target.listen(0, '127.0.0.1')
  await once(target, 'listening')
  const url = `http://127.0.0.1:${(target.address() as AddressInfo).port}`
  const proxy = createProxy().forward(createUpstream('target', { targets: [url] }))
  const { cert, key } = certificateAuthority().issue({ names: ['localhost'] })
  const plain = await proxy.listen({ host: '127.0.0.1', http2: { cleartext: true } })
  const secure = await proxy.listen({ host: '127.0.0.1', tls: { cert, key } })
  origins = { plain: plain.address.url, secure: secure.address.url }
  close = async () => {
    await proxy.close({ drainMs: 0 })
    target.closeAllConnections()
    target.close()
  }
})
afterAll(async () => await close())

describe.each([
  ['by ALPN', 'secure', ['--http2', '--insecure']],
  ['by prior knowledge', 'plain', ['--http2-prior-knowledge']],
] as const)('curl %s', (_, door, protocol) => {
  /** What it prints: heads, bodies, trailers and the summary, with plain line ends. */
  async function curl(path: string, ...args: readonly string[]): Promise<string> {
    const all = ['-sSi', '-w', SUMMARY, '--max-time', '5', ...protocol, ...args, origins[door] + path]
    const { stdout } = await run('curl', all, { maxBuffer: 32 * MIB })
    return stdout.replaceAll('\r', '')
  }

  it('gets a reply, whose request had its authority and its cookies', async () => {
    const printed = await curl('/', '-H', 'Cookie: a=1', '-H', 'Cookie: b=2', '-H', 'Host: a.test')
    expect(printed).toMatch(/^HTTP\/2 200 \n/)
    expect(printed).not.toMatch(/^(?:connection|keep-alive|transfer-encoding):/im)
    expect(printed).toMatch(/\n\nGET a\.test a=1; b=2 0\n2 200 \d+ 1$/)
  })

  it('sends a body', async () => {
    const printed = await curl('/', '-X', 'PUT', '--data-binary', `@${import.meta.filename}`)
    expect(printed).toMatch(/\n\nPUT \S+ undefined [1-9]\d{3}\n2 200 /)
  })

  it('asks for a head alone', async () => {
    expect(await curl('/large', '--head')).toMatch(
      /^HTTP\/2 200 \n(?:.+\n)*content-length: 8388608\n(?:.+\n)*\n+2 200 0 1$/,
    )
  })

  it('gets what is large', async () => {
    // Of prior knowledge, curl 7.88 has forgotten on the second use of a connection.
    const again = door === 'secure' ? [`${origins.secure}/large`] : []
    const printed = await curl('/large', ...again)
    expect(printed.match(/x/g)).toHaveLength(8 * MIB * (1 + again.length))
    const connects = printed.match(/\n2 200 8388608 [01]/g)!.map((summary) => summary.at(-1))
    expect(connects).toEqual(['1', ...again.map(() => '0')])
  })

  it('gets early hints and trailers', async () => {
    expect(await curl('/hints')).toMatch(/^HTTP\/2 103 \nlink: <\/style.css>; rel=preload\n\nHTTP\/2 200 \n/)
    expect(await curl('/trailers')).toMatch(/\n\nbody.*x-sum: 42\n/s)
  })
})
