import { describe, expect, it } from 'vitest'
import { Body, HeaderList } from '../src/index.ts'
import { EagerSource, ManualSource, RecordingSink } from './recording.ts'

const used = expect.objectContaining({ code: 'ERR_SLUICE_BODY_USED' })

/** A replayable body, driven by hand. */
function replayable(maxBytes = 100): { source: ManualSource; body: Body } {
  const source = new ManualSource()
  return { source, body: Body.from(source, 20).replayable(maxBytes) }
}

function read(body: Body, room?: number): RecordingSink {
  const sink = new RecordingSink(room)
  body.pipe(sink)
  return sink
}

describe('replayable()', () => {
  it('is the body itself where that can be read again already', () => {
    const memory = Body.of('x')
    expect(memory.replayable(0)).toBe(memory)
    const { body } = replayable()
    expect(body.replayable(5)).toBe(body)
    expect(body.length).toBe(20)
  })

  it('gives every reader the whole body and its trailers', () => {
    const body = Body.from(new EagerSource(['ab', 'cd'], new HeaderList({ t: '1' }))).replayable(4)
    for (let i = 0; i < 3; i++) {
      const sink = read(body)
      expect([sink.text, sink.state, sink.trailers?.get('t')]).toEqual(['abcd', 'ended', '1'])
    }
    expect(body.canReplay).toBe(true)
  })

  it('does not start before it is read', () => {
    const { source, body } = replayable()
    expect(source.asked).toEqual([])
    read(body)
    expect(source.asked).toEqual(['start'])
  })

  it('goes on for the next reader where the last one gave up, from the start', () => {
    const { source, body } = replayable()
    const first = read(body)
    source.write('abc')
    first.flow!.cancel(new Error('the target went away'))
    expect(source.asked).toEqual(['start'])
    // Nobody reads: the source has to wait.
    expect(source.write('def')).toBe(false)
    expect(first.text).toBe('abc')
    const second = read(body)
    expect(second.text).toBe('abcdef')
    expect(source.asked).toEqual(['start', 'resume'])
    source.write('ghi')
    source.sink!.end()
    expect([second.text, second.state]).toEqual(['abcdefghi', 'ended'])
    expect(read(body).text).toBe('abcdefghi')
  })

  it('belongs to the newest reader, whatever an older one still asks for', () => {
    const { source, body } = replayable()
    const first = read(body)
    source.write('abc')
    const second = read(body)
    expect(second.text).toBe('abc')
    const asked = source.asked.length
    first.flow!.resume()
    first.flow!.cancel(new Error('the slower one is given up'))
    expect(source.asked).toHaveLength(asked)
    source.write('def')
    source.sink!.end()
    expect([first.text, first.state]).toEqual(['abc', 'open'])
    expect([second.text, second.state]).toEqual(['abcdef', 'ended'])
  })

  it('waits for a reader that has had enough of what was kept', () => {
    const { source, body } = replayable()
    read(body).flow!.cancel(new Error('gone'))
    source.write('abc')
    const slow = read(body, 2)
    expect(slow.text).toBe('abc')
    expect(source.asked).toEqual(['start'])
    slow.take()
    expect(source.asked).toEqual(['start', 'resume'])
  })

  it('can not be read again once more than its bound has flowed, though the reader gets it all', () => {
    const { source, body } = replayable(5)
    const first = read(body)
    source.write('abcde')
    expect(body.canReplay).toBe(true)
    source.write('f')
    expect(body.canReplay).toBe(false)
    source.sink!.end()
    expect([first.text, first.state]).toEqual(['abcdef', 'ended'])
    expect(read(body).state).toEqual(used)
  })

  it('frees its source when a reader gives up past the bound, and keeps it within', () => {
    const within = replayable(5)
    const one = read(within.body)
    within.source.write('abc')
    one.flow!.cancel(new Error('gone'))
    expect(within.source.cancelledWith).toBeUndefined()
    const past = replayable(5)
    const two = read(past.body)
    past.source.write('abcdef')
    two.flow!.cancel(new Error('gone'))
    expect(past.source.cancelledWith).toEqual(new Error('gone'))
  })

  it('breaks off for the reader at hand and for later ones where the source breaks off', () => {
    const { source, body } = replayable()
    const first = read(body)
    source.write('abc')
    source.sink!.abort(new Error('broken'))
    expect(first.state).toEqual(new Error('broken'))
    expect(body.canReplay).toBe(false)
    const second = read(body)
    expect([second.text, second.state]).toEqual(['', new Error('broken')])
  })

  it('breaks off for the reader at hand when the body is given up, which would wait for ever', () => {
    const { source, body } = replayable()
    const sink = read(body)
    source.write('abc')
    body.cancel(new Error('the client left'))
    expect(source.cancelledWith).toEqual(new Error('the client left'))
    expect(sink.state).toEqual(new Error('the client left'))
    expect(body.canReplay).toBe(false)
  })

  it('frees a source that nobody has read', () => {
    const { source, body } = replayable()
    body.cancel(new Error('not wanted'))
    expect(source.asked).toEqual(['cancel'])
    expect(body.canReplay).toBe(false)
  })

  it('does not claim a body that was read before', () => {
    const original = Body.from(new ManualSource())
    read(original)
    const body = original.replayable(100)
    expect(body.canReplay).toBe(false)
    expect(() => read(body)).toThrow(used)
  })
})
