/** An upstream on loopback and a proxy in front of it, for the tests of each adapter. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createProxy, createUpstream, type ForwardOptions, type Proxy } from '@sluice/core'
import { listenUpstream, type ListeningUpstream } from '@sluice/testing'
import { onTestFinished } from 'vitest'

/** A proxy whose routes are all below `/api`, and the upstream that it forwards to. Closed when the test ends. */
export async function site(options: ForwardOptions = {}): Promise<{ proxy: Proxy; upstream: ListeningUpstream }> {
  const upstream = await listenUpstream()
  const proxy = createProxy().route({ path: '/api/*' }, (route) =>
    route.forward(createUpstream('api', { targets: [upstream.url] }), options),
  )
  onTestFinished(async () => {
    await proxy.close()
    await upstream.close()
  })
  return { proxy, upstream }
}

/** Serves until the test ends; returns the URL. */
export async function served(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** POSTs a body of a type. */
export async function post(url: string, type: string, body: string): Promise<Response> {
  return await fetch(url, { method: 'POST', headers: { 'Content-Type': type }, body })
}

export const JSON_TYPE = 'application/json'
export const FORM_TYPE = 'application/x-www-form-urlencoded'
