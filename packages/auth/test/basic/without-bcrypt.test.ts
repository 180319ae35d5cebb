/** The package for bcrypt is needed where there is a hash of bcrypt, and nowhere else. */
import { expect, it, vi } from 'vitest'
import { basic } from '../../src/index.ts'

vi.mock('node:module', () => ({
  createRequire: () => (name: string) => {
    throw new Error(`Cannot find module '${name}'`)
  },
}))

const BCRYPT = `$2y$10$${'a'.repeat(53)}`

it('a hash that nothing can verify is found when the gateway is built', () => {
  expect(() => basic({ users: { ada: BCRYPT } })).toThrow(
    expect.objectContaining({ path: 'basic.users["ada"]', message: expect.stringContaining('@node-rs/bcrypt') }),
  )
})

it('others do not need it', () => {
  expect(() => basic({ users: { ada: { password: 'a' } } })).not.toThrow()
  expect(() => basic({ users: { ada: BCRYPT }, verifiers: { bcrypt: () => false } })).not.toThrow()
})
