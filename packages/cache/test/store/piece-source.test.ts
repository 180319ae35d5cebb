import { waitFor } from '@sluice/testing'
import { Body } from '@sluice/wire'
import { describe, expect, it } from 'vitest'
import { ByteGatherer } from '../../src/store/byte-gatherer.ts'
/** Bodies that come in pieces which have to be waited for, and bytes that are gathered into such. */
import { unsealed } from '../../src/store/chunk-check.ts'
import { type PieceReader, PieceSource } from '../../src/store/piece-source.ts'

const WHOLE = Buffer.from(Uint8Array.from({ length: 1_000 }, (_, i) => i & 255))

function reader(change: (piece: Buffer, number: number) => Buffer = (piece) => piece) {
  const state = { asked: [] as number[], closed: 0, isReading: 0 }
  const reader: PieceReader = {
    pieceBytes: 100,
    read: async (number) => {
      state.asked.push(number)
      state.isReading++
      await new Promise((resolve) => setImmediate(resolve))
      state.isReading--
      return change(WHOLE.subarray(number * 100, number * 100 + 100), number)
    },
    close: () => {
      expect(state.isReading).toBe(0)
      state.closed++
      return Promise.reject(new Error('it is not to matter'))
    },
  }
  return { reader, state }
}

describe('a body in pieces', () => {
  it.each([
    [0, 1_000],
    [0, 0],
    [150, 151],
    [199, 401],
    [900, 1_000],
  ])('from %i to %i is that', async (start, end) => {
    const { reader: from, state } = reader()
    const bytes = await Body.from(new PieceSource(from, start, end)).bytes({ maxBytes: 1e6 })
    expect(WHOLE.subarray(start, end).equals(bytes)).toBe(true)
    await waitFor(() => state.closed === 1, { what: 'it to be closed' })
    expect(state.asked).toHaveLength(start === end ? 0 : Math.ceil(end / 100) - Math.floor(start / 100))
  })

  it('asks for no more than two while nobody reads, and goes on when told to, also from within a write', async () => {
    const { reader: from, state } = reader()
    const source = new PieceSource(from, 0, 1_000)
    const seen = { bytes: 0, ended: false }
    let answer = (): boolean => false
    source.start({
      begin() {},
      write: (chunk) => {
        seen.bytes += chunk.byteLength
        return answer()
      },
      end: () => void (seen.ended = true),
      abort: (error) => expect.unreachable(error.message),
    })
    await waitFor(() => seen.bytes === 100 && state.isReading === 0, { what: 'the first' })
    expect(state.asked).toEqual([0, 1])
    answer = () => {
      source.resume()
      return false
    }
    source.resume()
    await waitFor(() => seen.ended && state.closed === 1, { what: 'the end' })
    expect(seen.bytes).toBe(1_000)
  })

  it.each([
    ['can not be had', () => Promise.reject(new Error('gone')) as never],
    ['is too short', (piece: Buffer) => piece.subarray(1)],
  ])('breaks off where a piece %s', async (_what, damage) => {
    const { reader: from, state } = reader((piece, number) => (number === 3 ? damage(piece) : piece))
    await expect(Body.from(new PieceSource(from, 0, 1_000)).bytes({ maxBytes: 1e6 })).rejects.toMatchObject({
      code: 'ERR_SLUICE_BODY_ABORTED',
    })
    await waitFor(() => state.closed === 1, { what: 'it to be closed' })
    expect(state.asked.length).toBeLessThan(6)
  })

  it('that is cancelled is closed, and says nothing more', async () => {
    const { reader: from, state } = reader()
    const source = new PieceSource(from, 0, 1_000)
    const calls: string[] = []
    source.start({
      begin() {},
      write: () => {
        calls.push('write')
        source.cancel()
        return true
      },
      end: () => void calls.push('end'),
      abort: () => void calls.push('abort'),
    })
    await waitFor(() => state.closed === 1, { what: 'it to be closed' })
    expect(calls).toEqual(['write'])
  })
})

describe('gathered bytes', () => {
  it('are what came, however it was cut, and take no more than twice as much', () => {
    for (const size of [1, 7, 300, 5_000]) {
      const gatherer = new ByteGatherer(1_000)
      let taken = 0
      for (let at = 0; at < WHOLE.length; at += size) {
        const chunk = WHOLE.subarray(at, at + size)
        taken += gatherer.append(chunk)
        expect(gatherer.content().buffer.byteLength).toBeLessThanOrEqual(Math.max(256, 2 * gatherer.length) + 4)
      }
      expect([taken, gatherer.length]).toEqual([1_000, 1_000])
      expect(gatherer.append(Buffer.from('x'))).toBe(0)
      expect(unsealed(gatherer.sealed())!.equals(WHOLE)).toBe(true)
      const sealed = gatherer.sealed()
      gatherer.clear()
      gatherer.append(Buffer.from('new'))
      expect(unsealed(sealed)!.equals(WHOLE)).toBe(true)
      expect(gatherer.content().toString()).toBe('new')
    }
  })
})
