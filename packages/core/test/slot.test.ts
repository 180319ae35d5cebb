import { describe, expect, it } from 'vitest'
import { defineSlot, type Exchange, type Has, InternalError } from '../src/index.ts'
import { makeExchange } from './exchange.ts'

const user = defineSlot<{ readonly name: string }>()('test.user')
const count = defineSlot<number>()('test.count')

describe('a slot', () => {
  it('holds what was set, for one exchange', () => {
    const exchange = makeExchange().set(user, { name: 'ann' }).set(count, 0)
    expect(exchange.get(user)).toEqual({ name: 'ann' })
    expect(exchange.get(count)).toBe(0)
    exchange.set(count, 1)
    expect(exchange.get(count)).toBe(1)
    expect(makeExchange().peek(user)).toBeUndefined()
  })

  it('that a cast has lied about throws, with its name', () => {
    const exchange = makeExchange() as unknown as Exchange<Has<typeof user>>
    const read = () => exchange.get(user)
    expect(read).toThrow(InternalError)
    expect(read).toThrow(
      expect.objectContaining({ code: 'ERR_SLUICE_SLOT_MISSING', message: expect.stringContaining('test.user') }),
    )
    // Another slot does not stand in for it.
    exchange.set(count, 1)
    expect(read).toThrow(InternalError)
    expect(exchange.peek(user)).toBeUndefined()
  })

  it('is the same for the same name', () => {
    const again = defineSlot<{ readonly name: string }>()('test.user')
    expect(makeExchange().set(user, { name: 'ann' }).get(again)).toEqual({ name: 'ann' })
    expect(Object.isFrozen(again)).toBe(true)
  })

  it('may have a name that means something to objects', () => {
    const odd = defineSlot<number>()('__proto__')
    expect(makeExchange().peek(odd)).toBeUndefined()
    expect(makeExchange().set(odd, 5).get(odd)).toBe(5)
  })
})
