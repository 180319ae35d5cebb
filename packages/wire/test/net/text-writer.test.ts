import { once } from 'node:events'
import { Socket } from 'node:net'
import { waitFor } from '@sluice/testing'
import { expect, it } from 'vitest'
import { TextWriter } from '../../src/net/text-writer.ts'
import { unsentBytes } from '../../src/net/unsent-bytes.ts'
import { fillHandle, pair, textOf, watch } from './pair.ts'

it('a text that the kernel takes leaves nothing behind in the socket', async () => {
  const { near, far } = await pair()
  const writer = new TextWriter(near)
  expect(writer.write('caf\xE9')).toBe(true)
  expect(near.writableLength).toBe(0)
  expect(unsentBytes(near)).toBe(0)
  expect(near.bytesWritten).toBe(4)
  near.end()
  expect(await textOf(far)).toBe('caf\xE9')
})

it('texts that the kernel does not take wait in order, are counted, and are whole before the end', async () => {
  const { near, far } = await pair()
  const writer = new TextWriter(near)
  let sent = ''
  let hasRoom = true
  for (let i = 0; hasRoom && i < 10_000; i++) {
    const text = `${i};`.repeat(1 + ((i * 97) % 1_500))
    sent += text
    hasRoom = writer.write(text)
  }
  expect(near.writableNeedDrain).toBe(true)
  expect(unsentBytes(near)).toBeGreaterThan(near.writableLength)
  const longer = 'x'.repeat(20_000)
  writer.write(longer)
  near.write(Buffer.from('bytes'))
  near.end()
  expect((await textOf(far)) === `${sent}${longer}bytes`).toBe(true)
})

it('goes straight to the handle again once all has left', async () => {
  const { near, far } = await pair()
  const writer = new TextWriter(near)
  for (let i = 0; i < 10_000 && writer.write('y'.repeat(16_000)); i++);
  far.resume()
  await once(near, 'drain')
  await waitFor(() => unsentBytes(near) === 0)
  const written = watchWrites(near)
  writer.write('again')
  expect(written).toEqual([])
  expect(unsentBytes(near)).toBe(0)
})

it('a write that fails destroys the socket with the error', async () => {
  const { near, far } = await pair()
  const writer = new TextWriter(near)
  const failed = once(near, 'error')
  far.resetAndDestroy()
  for (let i = 0; i < 100 && !near.destroyed; i++) {
    writer.write('z')
    await new Promise((resolve) => setImmediate(resolve))
  }
  const [error] = (await failed) as [NodeJS.ErrnoException]
  expect(['EPIPE', 'ECONNRESET']).toContain(error.code)
  expect(near.destroyed).toBe(true)
})

it('a peer that resets while a text waits is heard of once', async () => {
  const { near, far } = await pair()
  fillHandle(new TextWriter(near), near)
  const seen = watch(near)
  near.resume()
  far.resetAndDestroy()
  await waitFor(() => seen.includes('close'))
  expect(seen).toHaveLength(2)
  expect(['EPIPE', 'ECONNRESET']).toContain(seen[0])
})

it('a socket that is destroyed while a text waits closes, and nobody hears of an error', async () => {
  const { near } = await pair()
  const writer = new TextWriter(near)
  fillHandle(writer, near)
  const seen = watch(near)
  near.destroy()
  await waitFor(() => seen.includes('close'))
  expect(seen).toEqual(['close'])
})

it('a text behind the end of the socket fails as any write there', async () => {
  const { near } = await pair()
  const writer = new TextWriter(near)
  const failed = once(near, 'error')
  near.end()
  writer.write('late')
  expect(await failed).toMatchObject([{ code: 'ERR_STREAM_WRITE_AFTER_END' }])
})

/** What goes through the socket's `write` from now on. */
function watchWrites(socket: Socket): unknown[] {
  const seen: unknown[] = []
  const { write } = Socket.prototype
  const watched = (...given: Parameters<Socket['write']>): boolean => {
    seen.push(given[0])
    return write.apply(socket, given)
  }
  Object.assign(socket, { write: watched })
  return seen
}
