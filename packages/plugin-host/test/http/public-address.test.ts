import type { LookupAddress } from 'node:dns'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { isPublicAddress } from '../../src/http/public-address.ts'
import { OutboundError, undiciSender } from '../../src/index.ts'

describe('addresses', () => {
  it.each(['1.1.1.1', '8.8.8.8', '172.15.0.1', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00:1450::1'])(
    '%s is public',
    (address) => {
      expect(isPublicAddress(address)).toBe(true)
    },
  )

  it.each([
    '0.0.0.0',
    '10.0.0.1',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.255',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.8',
    '192.168.1.1',
    '198.18.0.1',
    '203.0.113.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '64:ff9b::7f00:1',
    'fe80::1',
    'fe80::1%eth0',
    'fc00::1',
    'fd12::1',
    'ff02::1',
    '2001:db8::1',
    '2001::1',
    '2002:7f00:1::',
    '100::1',
    'localhost',
    '',
  ])('%j is not', (address) => {
    expect(isPublicAddress(address)).toBe(false)
  })
})

describe('a name', () => {
  const ask = async (addresses: readonly LookupAddress[], allowPrivate = false) => {
    let calls = 0
    const server = createServer((_, response) => response.end(String(++calls))).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const sender = undiciSender((hostname, callback) => {
      expect(hostname).toBe('service.test')
      callback(null, addresses)
    })
    const url = new URL(`http://service.test:${(server.address() as AddressInfo).port}/`)
    const signal = new AbortController().signal
    try {
      const request = {
        method: 'GET',
        url,
        fields: [],
        body: new Uint8Array(0),
        allowPrivate,
        maxReplyBytes: 100,
        signal,
      }
      return { ...(await sender.send(request)), calls }
    } catch (error) {
      expect(error).toBeInstanceOf(OutboundError)
      return { problem: (error as OutboundError).problem, calls }
    } finally {
      await sender.close()
      server.close()
    }
  }

  it('that resolves to an address of the inside is not asked, nor one that mixes both', async () => {
    expect(await ask([{ address: '127.0.0.1', family: 4 }])).toEqual({ problem: 'address', calls: 0 })
    expect(
      await ask([
        { address: '1.1.1.1', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ]),
    ).toEqual({ problem: 'address', calls: 0 })
    expect(await ask([])).toEqual({ problem: 'address', calls: 0 })
  })

  it('is asked at the address that was checked', async () => {
    expect(await ask([{ address: '127.0.0.1', family: 4 }], true)).toMatchObject({ status: 200, calls: 1 })
  })
})
