import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { certificateAuthority } from '@sluice/testing'
import { Agent, getGlobalDispatcher, setGlobalDispatcher } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PluginManifest } from '../../src/index.ts'
import { loadSource } from '../../src/manifest/load-source.ts'
import { resolveManifest } from '../../src/manifest/resolve-manifest.ts'

const BYTES = Buffer.from('\0asm\x01\0\0\0', 'latin1')
const SHA256 = createHash('sha256').update(BYTES).digest('hex')
const WRONG = 'ab'.repeat(32)
const FILE = join(mkdtempSync(join(tmpdir(), 'module-')), 'module.wasm')
writeFileSync(FILE, BYTES)

const load = (source: PluginManifest['source'], sha256?: string) =>
  loadSource(resolveManifest({ name: 'a', abi: 'sluice:v1', source, ...(sha256 === undefined ? {} : { sha256 }) }))

describe('a module', () => {
  it.each([
    ['a path', FILE],
    ['a path in an object', { path: FILE }],
    ['a file: URL', pathToFileURL(FILE).href],
    ['bytes', { bytes: BYTES }],
  ])('comes from %s', async (_, source) => {
    const loaded = await load(source)
    expect(Buffer.compare(loaded.bytes, BYTES)).toBe(0)
    expect(loaded.sha256).toBe(SHA256)
    await expect(load(source, SHA256.toUpperCase())).resolves.toBeDefined()
    await expect(load(source, WRONG)).rejects.toMatchObject({
      code: 'ERR_SLUICE_PLUGIN_HASH',
      plugin: 'a',
      message: expect.stringContaining(SHA256) as string,
    })
  })

  it('is a copy of bytes that are handed over', async () => {
    const bytes = Uint8Array.from(BYTES)
    const loaded = await load({ bytes })
    bytes.fill(0)
    expect(Buffer.compare(loaded.bytes, BYTES)).toBe(0)
  })

  it('that is not there is an error with its cause', async () => {
    await expect(load('./nowhere.wasm')).rejects.toMatchObject({
      code: 'ERR_SLUICE_PLUGIN_SOURCE',
      cause: { code: 'ENOENT' },
    })
  })
})

describe('over https:', () => {
  const authority = certificateAuthority()
  const before = getGlobalDispatcher()
  const server = createServer(authority.issue({ names: ['localhost'] }), (request, response) => {
    if (request.url === '/moved.wasm') response.writeHead(302, { location: '/module.wasm' }).end()
    else if (request.url === '/module.wasm') response.end(BYTES)
    else response.writeHead(404).end()
  })
  let origin = ''

  beforeAll(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    origin = `https://localhost:${(server.address() as AddressInfo).port}`
    setGlobalDispatcher(new Agent({ connect: { ca: authority.cert } }))
  })
  afterAll(async () => {
    await getGlobalDispatcher().close()
    setGlobalDispatcher(before)
    server.close()
  })

  it('a module comes with its hash', async () => {
    await expect(load(`${origin}/module.wasm`, SHA256)).resolves.toMatchObject({ sha256: SHA256 })
    await expect(load({ url: `${origin}/module.wasm` }, WRONG)).rejects.toMatchObject({
      code: 'ERR_SLUICE_PLUGIN_HASH',
    })
  })

  it('another answer than 200 is none, and a redirect is not followed', async () => {
    for (const path of ['/none.wasm', '/moved.wasm'])
      await expect(load(origin + path, SHA256)).rejects.toMatchObject({ code: 'ERR_SLUICE_PLUGIN_SOURCE' })
  })
})
