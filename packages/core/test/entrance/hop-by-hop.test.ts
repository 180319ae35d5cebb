import { HeaderList, type HeaderListInit } from '@sluice/wire'
import { describe, expect, it } from 'vitest'
import { hasConnectionOption, requestedUpgrade, stripHopByHop } from '../../src/entrance/hop-by-hop.ts'

function stripped(init: HeaderListInit): string[] {
  const headers = new HeaderList(init)
  stripHopByHop(headers)
  return [...headers].map(([name, value]) => `${name}: ${value}`)
}

describe('stripHopByHop', () => {
  it('removes what concerns one connection only, and nothing else', () => {
    const names = ['Connection', 'Keep-Alive', 'Proxy-Connection', 'TE', 'Transfer-Encoding', 'Upgrade']
    for (const name of [...names, 'Proxy-Authenticate', 'Proxy-Authorization']) {
      expect(stripped({ A: '1', [name]: 'x', Trailer: 'X-Sum', Authorization: 'z' }), name).toEqual([
        'A: 1',
        'Trailer: X-Sum',
        'Authorization: z',
      ])
    }
    expect(stripped({ A: '1', Trailer: 'b' })).toEqual(['A: 1', 'Trailer: b'])
  })

  it('removes the fields that Connection names, in whatever case, list or number of fields', () => {
    expect(stripped({ Connection: 'close, X-User', 'x-user': 'eve', 'X-Other': '1' })).toEqual(['X-Other: 1'])
    expect(stripped({ Connection: ['X-A', 'close ,\tx-b,,'], 'X-a': '1', 'X-B': '2', c: '3' })).toEqual(['c: 3'])
    expect(stripped({ Connection: '', a: '1' })).toEqual(['a: 1'])
    expect(stripped({ Connection: 'keep-alive', close: '1', 'keep-alive': 'timeout=5' })).toEqual(['close: 1'])
  })
})

describe('requestedUpgrade', () => {
  it('is the first protocol, where Connection says that it is for this hop', () => {
    const of = (init: HeaderListInit, version = '1.1'): string | undefined =>
      requestedUpgrade(new HeaderList(init), version)
    expect(of({ Connection: 'keep-alive, Upgrade', Upgrade: 'WebSocket, h2c' })).toBe('websocket')
    expect(of({ Upgrade: 'websocket' })).toBeUndefined()
    expect(of({ Connection: 'Upgrade' })).toBeUndefined()
    expect(of({ Connection: 'upgraded', Upgrade: 'websocket' })).toBeUndefined()
    expect(of({ Connection: 'Upgrade', Upgrade: 'websocket' }, '1.0')).toBeUndefined()
    expect(of({ Connection: 'Upgrade', Upgrade: 'H2C' })).toBeUndefined()
  })
})

describe('hasConnectionOption', () => {
  it('compares whole options without regard to case', () => {
    const headers = new HeaderList({ Connection: 'Close, foo' })
    expect(hasConnectionOption(headers, 'close')).toBe(true)
    expect(hasConnectionOption(headers, 'fo')).toBe(false)
    expect(hasConnectionOption(new HeaderList(), 'close')).toBe(false)
  })
})
