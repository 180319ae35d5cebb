import { waitFor } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { endSocket } from '../../src/net/end-socket.ts'
import { resetSocket } from '../../src/net/reset-socket.ts'
import { TextWriter } from '../../src/net/text-writer.ts'
import { unsentBytes } from '../../src/net/unsent-bytes.ts'
import { fillHandle, pair, textOf, watch } from './pair.ts'

describe('an end', () => {
  it('comes behind a text that waits, and says when that has left', async () => {
    const { near, far } = await pair()
    const sent = fillHandle(new TextWriter(near), near)
    const seen = watch(near)
    endSocket(near, () => seen.push('flushed'))
    expect(near.writableEnded).toBe(true)
    expect((await textOf(far)) === sent).toBe(true)
    await waitFor(() => seen.length === 2)
    expect(seen.toSorted()).toEqual(['finish', 'flushed'])
  })

  it('of a socket that has nothing to send comes at once', async () => {
    const { near, far } = await pair()
    const seen = watch(near)
    endSocket(near)
    expect(await textOf(far)).toBe('')
    expect(seen).toEqual(['finish'])
  })
})

describe('a reset', () => {
  it('breaks off an end that waits behind a text', async () => {
    const { near, far } = await pair()
    const sent = fillHandle(new TextWriter(near), near)
    const [seen, seenByPeer] = [watch(near), watch(far)]
    endSocket(near)
    const waiting = unsentBytes(near)
    expect(waiting).toBeGreaterThan(0)
    resetSocket(near)
    await waitFor(() => seen.length > 0)
    expect(seen).toEqual(['close'])
    far.resume()
    await waitFor(() => far.readableEnded || seenByPeer.includes('close'))
    // Not all versions of Node tell a reset behind data from an end; but it drops what the kernel still had to send.
    expect(far.bytesRead).toBeLessThan(sent.length - waiting)
  })

  it('right behind an end closes the socket all the same', async () => {
    const { near, far } = await pair()
    const writer = new TextWriter(near)
    const seen = watch(near)
    writer.write('all')
    endSocket(near)
    resetSocket(near)
    await waitFor(() => seen.length > 0)
    expect(seen).toEqual(['close'])
    expect(await textOf(far)).toBe('all')
  })

  it('of an end that has left is one for the peer', async () => {
    const { near, far } = await pair()
    const [seen, seenByPeer] = [watch(near), watch(far)]
    endSocket(near)
    await waitFor(() => seen.includes('finish'))
    resetSocket(near)
    await waitFor(() => seen.includes('close'))
    expect(seen).toEqual(['finish', 'close'])
    far.write('x')
    await waitFor(() => seenByPeer.includes('close'))
    expect(seenByPeer[0]).toMatch(/ECONNRESET|EPIPE/)
  })
})
