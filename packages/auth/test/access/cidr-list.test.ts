/** Lists that are replaced while they are asked. */
import { mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { virtualClock, waitFor } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  accessRules,
  allowAddresses,
  cidrList,
  cidrListFailed,
  cidrListReplaced,
  denyAddresses,
} from '../../src/access/access.ts'
import { record, setUp } from '../set-up.ts'

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'sluice-cidr-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

/** A list from a file, and time for it to look there. */
function watched(text: string, reloadIntervalMs = 1_000) {
  const file = join(folder(), 'list.txt')
  writeFileSync(file, text)
  const clock = virtualClock()
  const list = cidrList({ file, reloadIntervalMs, clock, name: 'blocked' })
  onTestFinished(() => list.close())
  /** Lets time pass until a look has been had, and what it found was dealt with. */
  const look = async (ms = reloadIntervalMs) => {
    clock.advance(ms)
    // Files are read by other threads: that the next look is planned says that this one is over.
    await waitFor(() => clock.pending === 1)
  }
  return { file, clock, list, look, write: (next: string) => writeFileSync(file, next) }
}

describe('a list from a file', () => {
  it('has an entry a line, and comments', () => {
    const { list } = watched('# our own\n\n  192.0.2.0/24 # office\r\n2001:db8::/32;SBL1\n203.0.113.7\n')
    expect(list.snapshot()).toMatchObject({
      name: 'blocked',
      entries: 3,
      isReady: true,
      replacements: 0,
      failure: undefined,
    })
    const inside = ['192.0.2.9', '2001:db8::1', '203.0.113.7', '10.0.0.1'].map((each) => list.has(each))
    expect(inside).toEqual([true, true, true, false])
  })

  it('is refused with its line when it is built', () => {
    const file = join(folder(), 'list.txt')
    writeFileSync(file, '# first\n192.0.2.0/24\n192.0.2.0/33\n')
    expect(() => cidrList({ file })).toThrow(
      expect.objectContaining({ code: 'ERR_SLUICE_CONFIG', path: 'cidrList.file: line 3' }),
    )
    expect(() => denyAddresses({ file })).toThrow(
      expect.objectContaining({ path: 'denyAddresses.addresses.file: line 3' }),
    )
    writeFileSync(file, '# nothing\n')
    expect(() => allowAddresses({ file })).toThrow(expect.objectContaining({ path: 'allowAddresses.addresses' }))
    expect(() => cidrList({ file: `${file}.missing` })).toThrow(expect.objectContaining({ path: 'cidrList.file' }))
  })

  it('is replaced while requests come, once two looks have found the same', async () => {
    const { list, look, write } = watched('192.0.2.1\n')
    const replaced = record(cidrListReplaced)
    const { from } = setUp([denyAddresses(list)])
    expect(await from('192.0.2.1')).toBe(403)
    write('192.0.2.2\n192.0.2.3\n')
    await look(999)
    expect(await from('192.0.2.1')).toBe(403)
    await look(1)
    expect(await from('192.0.2.1')).toBe(403)
    await look(100)
    expect([await from('192.0.2.1'), await from('192.0.2.2')]).toEqual([200, 403])
    expect(replaced).toEqual([{ list: 'blocked', entries: 2 }])
    expect(list.snapshot()).toMatchObject({ replacements: 1, entries: 2 })
    await look()
    expect(replaced).toHaveLength(1)
  })

  it('is not taken while somebody writes it', async () => {
    const { list, look, write } = watched('192.0.2.1\n192.0.2.2\n')
    write('192.0.2.1\n')
    await look()
    write('192.0.2.1\n192.0.2.2\n192.0.2.3\n')
    await look(100)
    expect([list.has('192.0.2.2'), list.has('192.0.2.3')]).toEqual([true, false])
    await look(100)
    expect([list.has('192.0.2.2'), list.has('192.0.2.3')]).toEqual([true, true])
  })

  it('keeps the last good one, and tells of each mistake once', async () => {
    const { file, list, look, write } = watched('192.0.2.1\n')
    const failed = record(cidrListFailed)
    write('192.0.2.2\nnonsense\n')
    for (let i = 0; i < 5; i++) await look()
    expect([list.has('192.0.2.1'), list.has('192.0.2.2')]).toEqual([true, false])
    expect(failed.map(({ list: name, error }) => [name, error.message])).toEqual([
      ['blocked', 'cidrList.file: line 2: "nonsense" is neither an IP address nor a CIDR range'],
    ])
    expect(list.snapshot().failure).toContain('line 2')
    unlinkSync(file)
    for (let i = 0; i < 3; i++) await look()
    expect(list.has('192.0.2.1')).toBe(true)
    expect(failed).toHaveLength(2)
    write('')
    for (let i = 0; i < 3; i++) await look()
    expect(list.has('192.0.2.1')).toBe(true)
    expect(failed).toHaveLength(3)
    write('192.0.2.3\n')
    for (let i = 0; i < 2; i++) await look()
    expect([list.has('192.0.2.1'), list.has('192.0.2.3'), list.snapshot().failure]).toEqual([false, true, undefined])
  })

  it('forgets a mistake that was taken back', async () => {
    const { list, look, write } = watched('192.0.2.1\n')
    write('nonsense\n')
    for (let i = 0; i < 3; i++) await look()
    expect(list.snapshot().failure).toBeDefined()
    write('192.0.2.1\n')
    await look()
    expect(list.snapshot()).toMatchObject({ failure: undefined, replacements: 0 })
  })

  it('follows a link that leads elsewhere from now on', async () => {
    const path = folder()
    writeFileSync(join(path, 'one'), '192.0.2.1')
    writeFileSync(join(path, 'two'), '192.0.2.2')
    symlinkSync('one', join(path, 'list'))
    const list = cidrList({ file: join(path, 'list'), reloadIntervalMs: 0 })
    symlinkSync('two', join(path, 'next'))
    renameSync(join(path, 'next'), join(path, 'list'))
    await list.reload()
    expect([list.has('192.0.2.1'), list.has('192.0.2.2')]).toEqual([false, true])
  })

  it('is read at once when it is asked to, and says what is wrong', async () => {
    const { list, write } = watched('192.0.2.1\n', 0)
    write('192.0.2.2\n')
    await list.reload()
    expect(list.has('192.0.2.2')).toBe(true)
    write('x\n')
    await expect(list.reload()).rejects.toThrow(expect.objectContaining({ path: 'cidrList.file: line 1' }))
    expect(list.has('192.0.2.2')).toBe(true)
  })

  it('is looked at no more once it is closed, by itself or with the guard it was made for', async () => {
    const { clock, list, file } = watched('192.0.2.1\n')
    expect(clock.pending).toBe(1)
    list.close()
    expect(clock.pending).toBe(0)
    const guard = accessRules({ rules: [{ action: 'deny', addresses: { file } }], default: 'allow', clock })
    expect(clock.pending).toBe(1)
    guard.close()
    expect(clock.pending).toBe(0)
  })
})

describe('replace', () => {
  it('takes effect from the next request on, or not at all', async () => {
    const replaced = record(cidrListReplaced)
    const list = cidrList(['192.0.2.1'])
    const { from } = setUp([allowAddresses(list)])
    list.replace(['192.0.2.2'])
    expect([await from('192.0.2.1'), await from('192.0.2.2')]).toEqual([403, 200])
    for (const [bad, path] of [
      [['192.0.2.3', 'x'], 'cidrList[1]'],
      [[], 'cidrList'],
      ['192.0.2.3', 'cidrList'],
    ] as const) {
      expect(() => list.replace(bad as never)).toThrow(expect.objectContaining({ path }))
    }
    expect([await from('192.0.2.1'), await from('192.0.2.2')]).toEqual([403, 200])
    expect(replaced).toHaveLength(1)
  })

  it('holds until the file has something new', async () => {
    const { list, look, write } = watched('192.0.2.1\n')
    list.replace(['192.0.2.2'])
    await look()
    expect([list.has('192.0.2.1'), list.has('192.0.2.2')]).toEqual([false, true])
    write('192.0.2.3\n')
    await look()
    await look(100)
    expect([list.has('192.0.2.2'), list.has('192.0.2.3')]).toEqual([false, true])
  })
})

describe('a list from a function', () => {
  it('is asked for again and again', async () => {
    const clock = virtualClock()
    let entries = ['192.0.2.1']
    const list = cidrList({ load: () => entries, reloadIntervalMs: 1_000, clock })
    expect(list.has('192.0.2.1')).toBe(true)
    entries = ['192.0.2.2']
    await clock.advanceAsync(1_000)
    expect([list.has('192.0.2.1'), list.has('192.0.2.2')]).toEqual([false, true])
  })

  it('refuses everybody until it has come', async () => {
    const clock = virtualClock()
    const loading = Promise.withResolvers<string[]>()
    const list = cidrList({ load: async () => await loading.promise, clock })
    const [allowing, denying] = [setUp([allowAddresses(list)]), setUp([denyAddresses(list)])]
    const ready = list.ready()
    await clock.advanceAsync(10)
    expect([await allowing.from('192.0.2.1'), await denying.from('10.0.0.1'), list.isReady]).toEqual([403, 403, false])
    loading.resolve(['192.0.2.1'])
    await clock.advanceAsync(1_000)
    await ready
    expect([await allowing.from('192.0.2.1'), await denying.from('10.0.0.1')]).toEqual([200, 200])
    expect([await allowing.from('10.0.0.1'), await denying.from('192.0.2.1')]).toEqual([403, 403])
  })

  it('is waited for no longer once it is closed', async () => {
    const list = cidrList({ load: async () => await new Promise<string[]>(() => {}), clock: virtualClock() })
    const ready = list.ready()
    list.close()
    await ready
    await list.ready()
    expect(list.isReady).toBe(false)
  })

  it('is not replaced by an answer that was asked for before the one in use', async () => {
    const clock = virtualClock()
    const slow = Promise.withResolvers<string[]>()
    const answers: (() => string[] | Promise<string[]>)[] = [
      () => ['192.0.2.1'],
      async () => await slow.promise,
      async () => await Promise.resolve(['192.0.2.3']),
    ]
    const list = cidrList({ load: () => answers.shift()!(), reloadIntervalMs: 1_000, clock })
    await clock.advanceAsync(1_000)
    await list.reload()
    slow.resolve(['192.0.2.2'])
    await clock.advanceAsync(0)
    expect([list.has('192.0.2.2'), list.has('192.0.2.3')]).toEqual([false, true])
    expect(clock.pending).toBe(1)
    list.close()
  })

  it('is tried again when it fails, and keeps what it had', async () => {
    const clock = virtualClock()
    const failed = record(cidrListFailed)
    const answers: (() => Promise<string[]>)[] = [
      () => Promise.reject(new Error('away')),
      () => Promise.reject(new Error('away')),
      () => Promise.resolve(['192.0.2.1']),
      () => Promise.reject(new Error('gone')),
      () => Promise.resolve(['x']),
      () => Promise.resolve(['192.0.2.2']),
    ]
    const list = cidrList({ load: async () => await answers.shift()!(), reloadIntervalMs: 1_000, clock })
    await clock.advanceAsync(1_000)
    expect([list.isReady, failed.map(({ error }) => error.message)]).toEqual([false, ['away']])
    await clock.advanceAsync(1_000)
    expect([list.has('192.0.2.1'), list.snapshot().failure]).toEqual([true, undefined])
    await clock.advanceAsync(1_000)
    await clock.advanceAsync(1_000)
    expect([list.has('192.0.2.1'), failed.length]).toEqual([true, 3])
    await clock.advanceAsync(1_000)
    expect(list.has('192.0.2.2')).toBe(true)
    list.close()
  })

  it('has to be one, and to give a list', () => {
    expect(() => cidrList({ load: 'x' as never })).toThrow(expect.objectContaining({ path: 'cidrList.load' }))
    expect(() => cidrList({ load: () => 'x' as never })).toThrow(expect.objectContaining({ path: 'cidrList.load()' }))
    const load = () => {
      throw new Error('away')
    }
    expect(() => cidrList({ load })).toThrow(expect.objectContaining({ path: 'cidrList.load()' }))
  })
})

describe('the options of a list', () => {
  it.each([
    [{}, 'cidrList'],
    [{ ranges: ['1.1.1.1'], file: 'x' }, 'cidrList'],
    [{ ranges: ['1.1.1.1'], reloadIntervalMs: -1 }, 'cidrList.reloadIntervalMs'],
    [{ ranges: ['1.1.1.1'], allowEmpty: 1 }, 'cidrList.allowEmpty'],
    [{ ranges: ['1.1.1.1'], reloadMs: 1 }, 'cidrList.reloadMs'],
    [{ ranges: ['1.1.1.1', 1] }, 'cidrList.ranges[1]'],
    [{ ranges: '1.1.1.1' }, 'cidrList.ranges'],
    [null, 'cidrList'],
  ])('%j is refused at %s', (options, path) => {
    expect(() => cidrList(options as never)).toThrow(expect.objectContaining({ path, code: 'ERR_SLUICE_CONFIG' }))
  })

  it('lets a list be empty where it says so', async () => {
    const list = cidrList({ ranges: [], allowEmpty: true })
    expect([list.has('1.1.1.1'), list.isReady]).toEqual([false, true])
    await list.ready()
    await turn()
  })
})
