/** Where a server listens, as users need it. */
import type { AddressInfo } from 'node:net'
import type { ListenerAddress } from './listener.ts'

export function listenerAddress(address: AddressInfo | string | null, isSecure: boolean): ListenerAddress {
  if (address === null || typeof address === 'string') return { port: 0, host: '', url: `unix:${address ?? ''}` }
  const isAny = address.address === '::' || address.address === '0.0.0.0'
  const host = isAny ? 'localhost' : address.family === 'IPv6' ? `[${address.address}]` : address.address
  return { port: address.port, host: address.address, url: `${isSecure ? 'https' : 'http'}://${host}:${address.port}` }
}
