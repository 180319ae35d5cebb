/** A file of users: what is read, what is refused, and what happens when it changes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashSync } from '@node-rs/bcrypt'
import { ConfigError, identity, Reply } from '@sluice/core'
import { describe, expect, it, onTestFinished } from 'vitest'
import { basic, type BasicOptions, fileReloaded, fileReloadFailed } from '../../src/index.ts'
import { basicField, record, setUp } from '../set-up.ts'

const hashOf = (password: string) => hashSync(password, { cost: 4, version: '2y' })
const ADA = `ada:${hashOf('first')}`
const BOB = `bob:${hashOf('bob')}`

function fileOf(text: string) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-htpasswd-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'users')
  writeFileSync(path, text)
  return path
}

function gateway(text: string, options: BasicOptions = {}) {
  const path = fileOf(text)
  const set = setUp([basic({ htpasswdFile: path, ...options })])
  return { path, ...set, login: async (user: string, password: string) => await set.status(basicField(user, password)) }
}

function problemOf(text: string, options: BasicOptions = {}): string {
  try {
    basic({ htpasswdFile: fileOf(text), ...options })
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return 'none'
}

describe('a file', () => {
  it('has users, empty lines and comments, with any line ends', async () => {
    const { login } = gateway(`# people\r\n\r\n${ADA}\r\n  ${BOB}  \n`)
    expect([await login('ada', 'first'), await login('bob', 'bob')]).toEqual([200, 200])
    expect([await login('ada', 'bob'), await login('# people', ''), await login('', '')]).toEqual([401, 401, 401])
  })

  it('can be without users: then nobody is let in', async () => {
    expect(await gateway('').login('ada', 'first')).toBe(401)
  })

  it('has its users granted what the options say', async () => {
    const strategy = basic({ htpasswdFile: fileOf(ADA), grants: { ada: { roles: ['admin'] }, nobody: {} } })
    const { inject } = setUp([strategy, (x) => Reply.json(x.peek(identity) ?? null)])
    expect(await (await inject({ headers: basicField('ada', 'first') })).json()).toMatchObject({ roles: ['admin'] })
  })

  it('has hashes of Argon2id where something verifies them', async () => {
    const argon2id = '$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaA'
    const verifiers = { argon2id: async (password: string) => password === 'argon' }
    const { login } = gateway(`${ADA}\neve:${argon2id}\n`, { verifiers })
    expect([await login('eve', 'argon'), await login('eve', 'first'), await login('ada', 'first')]).toEqual([
      200, 401, 200,
    ])
    expect(problemOf(`eve:${argon2id}`)).toContain('verifiers')
  })

  it.each<[string, string, string]>([
    ['MD5 of Apache', 'eve:$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/', 'MD5 of Apache'],
    ['MD5', 'eve:$1$r31$HqJZimcKQFAMYayBlzkrA/', 'MD5'],
    ['SHA-1', 'eve:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=', 'SHA-1'],
    ['SHA-crypt', 'eve:$6$salt$abcdefghijkl', 'SHA-crypt'],
    ['DES', 'eve:rqXexS6ZhobKA', 'DES'],
    ['the broken bcrypt', `eve:${hashOf('a').replace('$2y$', '$2x$')}`, 'a broken kind of bcrypt'],
    ['Argon2i', 'eve:$argon2i$v=19$m=4096,t=3,p=1$c29tZXNhbHQ$aGFzaA', 'another Argon2 than Argon2id'],
    ['a plain password', 'eve:hunter2', 'no hash that is known here'],
    ['a hash that is cut off', `eve:${hashOf('a').slice(0, -1)}`, 'no hash that is known here'],
    ['more behind the hash', `eve:${hashOf('a')}:more`, 'no hash that is known here'],
    ['no colon', 'eve', 'must be a user, a colon and a hash'],
    ['no user', `:${hashOf('a')}`, 'must be a user, a colon and a hash'],
    ['a user twice', `ada:${hashOf('a')}`, 'was there before'],
  ])('with %s is refused by its line, without showing it', (_, line, problem) => {
    const message = problemOf(`# people\n${ADA}\n${line}\n`)
    expect(message).toContain('basic.htpasswdFile, line 3')
    expect(message).toContain(problem)
    for (const part of line.split(':').filter((each) => each.length > 3)) expect(message).not.toContain(part)
  })

  it('that is not there is refused', () => {
    expect(() => basic({ htpasswdFile: '/nowhere/at/all' })).toThrow(ConfigError)
  })
})

describe('a change', () => {
  it('counts for every request that comes a second after it, cached or not', async () => {
    const events = record(fileReloaded)
    const { path, login, clock } = gateway(`${ADA}\n${BOB}\n`)
    expect([await login('ada', 'first'), await login('bob', 'bob')]).toEqual([200, 200])
    writeFileSync(path, `ada:${hashOf('second')}\n`)
    expect([await login('ada', 'first'), await login('ada', 'second')]).toEqual([200, 401])
    clock.advance(1_000)
    const statuses = await Promise.all([
      login('ada', 'first'),
      login('ada', 'second'),
      login('bob', 'bob'),
      login('ada', 'second'),
    ])
    expect(statuses).toEqual([401, 200, 401, 200])
    expect(events).toEqual([{ path, entries: 1 }])
  })

  it('with a mistake leaves who was there before, and is told of once', async () => {
    const events = record(fileReloadFailed)
    const { path, login, clock } = gateway(ADA)
    expect(await login('ada', 'first')).toBe(200)
    for (const text of [`${BOB}\neve:hunter2\n`, `${BOB}\neve:hunter2\n\n`]) {
      writeFileSync(path, text)
      clock.advance(1_000)
      expect([await login('ada', 'first'), await login('bob', 'bob')]).toEqual([200, 401])
    }
    rmSync(path)
    clock.advance(1_000)
    expect(await login('ada', 'first')).toBe(200)
    expect(events).toHaveLength(2)
    expect(events[0]).toMatchObject({ path, error: { code: 'ERR_SLUICE_CONFIG' } })
    expect(events[1]!.error.message).toContain('ENOENT')
    writeFileSync(path, BOB)
    clock.advance(1_000)
    expect([await login('ada', 'first'), await login('bob', 'bob')]).toEqual([401, 200])
  })

  it('is not looked for where the interval is 0, nor more often than it says', async () => {
    const never = gateway(ADA, { reloadIntervalMs: 0 })
    writeFileSync(never.path, BOB)
    never.clock.advance(1e6)
    expect(await never.login('ada', 'first')).toBe(200)
    const seldom = gateway(ADA, { reloadIntervalMs: 60_000 })
    expect(await seldom.login('ada', 'first')).toBe(200)
    writeFileSync(seldom.path, BOB)
    seldom.clock.advance(59_999)
    expect(await seldom.login('ada', 'first')).toBe(200)
    seldom.clock.advance(1)
    expect(await seldom.login('ada', 'first')).toBe(401)
  })
})
