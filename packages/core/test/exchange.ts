/** Exchanges for tests of what runs on one: made of the real parts, without an entrance. */
import { Body, HeaderList, type HeaderListInit } from '@sluice/wire'
import { ExchangeRequest, ReceivedRequest } from '../src/exchange-request.ts'
import { Exchange } from '../src/exchange.ts'
import { type ProxyOptions, resolveProxyOptions } from '../src/proxy-options.ts'

export interface RequestInit {
  readonly method?: string
  readonly target?: string
  readonly headers?: HeaderListInit
  readonly body?: Body
  readonly options?: ProxyOptions
}

export function makeRequest(init: RequestInit = {}): ExchangeRequest {
  return new ExchangeRequest(
    init.method ?? 'GET',
    init.target ?? '/',
    new HeaderList(init.headers),
    init.body ?? Body.empty,
    'localhost',
    undefined,
  )
}

export function makeExchange(init: RequestInit = {}): Exchange {
  const request = makeRequest(init)
  return new Exchange(resolveProxyOptions(init.options ?? {}), {
    received: new ReceivedRequest(request.method, request.target, request.headers.copy(), '1.1'),
    request,
    client: { address: '127.0.0.1', scheme: 'http', peer: { address: '127.0.0.1', port: 0, secure: false } },
    downstream: { informational() {} },
  })
}
