/** Small chunks become larger ones as they wait, and nobody who reads meanwhile sees anything of it. */
import { seededRandom, virtualClock } from '@sluice/testing'
import type { BodyFlow, BodySink } from '@sluice/wire'
import { expect, it } from 'vitest'
import { SharedBody } from '../../src/flight/shared-body.ts'

class Reader implements BodySink {
  readonly chunks: Buffer[] = []
  isWhole = false
  isSlow = false
  flow!: BodyFlow

  begin(flow: BodyFlow): void {
    this.flow = flow
  }

  write(chunk: Uint8Array): boolean {
    this.chunks.push(Buffer.from(chunk))
    return !this.isSlow
  }

  end(): void {
    this.isWhole = true
  }

  abort(): void {}

  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1')
  }
}

function sharedBody(maxBytes: number): SharedBody {
  const owner = { clock: virtualClock(), maxBytes, keep: () => true, dropped() {}, ended() {} }
  const body = new SharedBody(undefined, owner)
  body.begin({ resume() {}, cancel() {} })
  return body
}

it.each(Array.from({ length: 40 }, (_, seed) => seed))('everybody reads the same (seed %i)', (seed) => {
  const random = seededRandom(seed)
  const isKept = seed % 4 !== 0
  const body = sharedBody(isKept ? 10_000_000 : 2_000)
  const readers: Reader[] = []
  let text = ''
  const join = (): void => {
    const reader = new Reader()
    readers.push(reader)
    body.newBody().pipe(reader)
  }
  join()
  join()
  for (let i = 0; i < 3_000; i++) {
    const size = random() < 0.95 ? 1 + Math.floor(random() * 5) : Math.floor(random() * 2_000)
    const piece = String.fromCharCode(97 + (i % 26)).repeat(size)
    text += piece
    body.write(Buffer.from(piece))
    if (random() < 0.01 && isKept) join()
    for (const reader of readers) {
      if (random() < 0.02) reader.isSlow = !reader.isSlow
      if (random() < 0.1) reader.flow.resume()
    }
  }
  body.end()
  for (const reader of readers) {
    reader.isSlow = false
    reader.flow.resume()
  }
  expect(readers.map((reader) => [reader.isWhole, reader.text === text])).toEqual(readers.map(() => [true, true]))
})

it('one byte at a time comes to late readers in few pieces', () => {
  const body = sharedBody(10_000_000)
  body.newBody().pipe(new Reader())
  for (let i = 0; i < 100_000; i++) body.write(Buffer.from([i & 255]))
  const late = new Reader()
  body.newBody().pipe(late)
  expect(late.text).toHaveLength(100_000)
  expect(late.chunks.length).toBeLessThan(500)
})
