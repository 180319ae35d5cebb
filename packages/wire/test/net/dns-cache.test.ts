import type { LookupAddress } from 'node:dns'
import { createServer, type AddressInfo, type LookupFunction } from 'node:net'
import { virtualClock, waitFor } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { DnsCache } from '../../src/net/dns-cache.ts'
import { Call, OK, pool } from '../http1/pooled.ts'

const V6 = { address: '::1', family: 6 }
const V4 = { address: '127.0.0.1', family: 4 }

/** A resolver that answers when it is told to. */
function resolver() {
  const asked: string[] = []
  const open: Parameters<LookupFunction>[2][] = []
  const lookup: LookupFunction = (host, _options, callback) => {
    asked.push(host)
    open.push(callback)
  }
  const answer = (addresses: LookupAddress[] | Error): void => {
    for (const callback of open.splice(0)) {
      if (addresses instanceof Error) callback(addresses, [])
      else callback(null, addresses)
    }
  }
  return { asked, lookup, answer }
}

function setUp() {
  const clock = virtualClock()
  const { asked, lookup, answer } = resolver()
  const cache = new DnsCache(clock, 30_000, lookup)
  const ask = async (all = true): Promise<unknown> =>
    await new Promise((resolve, reject) => {
      cache.lookup('a.example', { all }, (error, address, family) =>
        error ? reject(error) : resolve(all ? address : [address, family]),
      )
    })
  return { clock, asked, answer, cache, ask }
}

describe('the addresses of a name', () => {
  it('are asked for once, and used until their time is over', async () => {
    const { clock, asked, answer, ask } = setUp()
    const first = ask()
    answer([V6, V4])
    expect(await first).toEqual([V6, V4])
    clock.advance(29_999)
    expect(await ask()).toEqual([V6, V4])
    expect(asked).toHaveLength(1)
    clock.advance(1)
    const second = ask()
    answer([V4])
    expect(await second).toEqual([V4])
    expect(asked).toHaveLength(2)
  })

  it('are asked for once by all who ask at the same time', async () => {
    const { asked, answer, ask } = setUp()
    const all = [ask(), ask(), ask(false)]
    expect(asked).toHaveLength(1)
    answer([V6, V4])
    expect(await Promise.all(all)).toEqual([
      [V6, V4],
      [V6, V4],
      ['::1', 6],
    ])
  })

  it('are asked for again once they did not answer', async () => {
    const { asked, answer, cache, ask } = setUp()
    const first = ask()
    answer([V4])
    await first
    cache.forget()
    void ask()
    expect(asked).toHaveLength(2)
  })

  it('are not remembered where there are none', async () => {
    const { asked, answer, ask } = setUp()
    const failed = ask()
    answer(new Error('SERVFAIL'))
    await expect(failed).rejects.toThrow('SERVFAIL')
    const empty = ask()
    answer([])
    await expect(empty).rejects.toThrow('no address')
    expect(asked).toHaveLength(2)
  })
})

it('a name whose first address does not answer is reached at its second', async () => {
  const server = createServer((socket) => socket.on('error', () => {}).once('data', () => socket.write(OK)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  let asked = 0
  const lookup: LookupFunction = (_host, options, callback) => {
    asked++
    expect(options.all).toBe(true)
    process.nextTick(() => callback(null, [V6, V4]))
  }
  const { pool: one } = pool(port, { host: 'a.example', lookup, reuse: 'never' })
  for (let i = 0; i < 2; i++) {
    const call = new Call(one)
    await waitFor(() => call.isOver)
    expect(call.text).toBe('ok')
  }
  expect(asked).toBe(1)
})
