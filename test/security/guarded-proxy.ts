/** The proxy that payloads are sent through: one guarded path, one middleware that says who the user is, some that reflect. */
import {
  createProxy,
  createUpstream,
  type ListenerFactory,
  type Middleware,
  type Proxy,
  Reply,
  type Transport,
} from '@sluice/core'

/** A listener and a transport that work together. */
export interface Way {
  readonly name: string
  /** Whether both are the proxy's own engine, of which more is asked. */
  readonly isOwn: boolean
  readonly listener: () => ListenerFactory
  readonly transport: () => Transport
}

/** Where the upstream's lax reader of paths must never get. */
export const GUARDED = '/guarded'
export const USER = 'proxy'

const setUser: Middleware = (exchange, next) => {
  exchange.request.headers.set('X-User', USER)
  return next(exchange)
}

/** Each puts what the client sends in a place where a line break would split the message. */
const REFLECTIONS: Readonly<Record<string, Middleware>> = {
  reply: async (exchange, next) => {
    const reply = await next(exchange)
    reply.headers.set('X-Reflected', exchange.request.query.get('v') ?? '')
    return reply
  },
  request: (exchange, next) => {
    exchange.request.headers.append('X-Reflected', exchange.request.query.get('v') ?? '')
    return next(exchange)
  },
  target: (exchange, next) => {
    exchange.request.target = `/${exchange.request.query.get('v')}`
    return next(exchange)
  },
  method: (exchange, next) => {
    exchange.request.method = exchange.request.query.get('v') ?? ''
    return next(exchange)
  },
  path: (exchange, next) => {
    exchange.request.headers.set(exchange.request.query.get('v') ?? '', 'x')
    return next(exchange)
  },
}

export function guardedProxy(way: Way, target: string): Proxy {
  const upstream = createUpstream('target', { targets: [target], transport: way.transport() })
  const proxy = createProxy({ name: 'proxy', onError: () => {} })
  proxy.use(setUser)
  proxy.route({ path: `${GUARDED}/*` }, (route) => route.handle(() => Reply.empty(403)))
  for (const [place, reflect] of Object.entries(REFLECTIONS)) {
    proxy.route({ path: `/reflect/${place}/*` }, (route) => route.use(reflect).forward(upstream))
  }
  proxy.forward(upstream)
  return proxy
}

/** Every path that a lax upstream could make of a target: decoded, decoded twice, with slashes merged and dots resolved. */
export function laxPaths(target: string): Set<string> {
  const paths = new Set<string>()
  const decoders: ((text: string) => string)[] = [(text) => text, decode, (text) => decode(decode(text))]
  for (const decoder of decoders) {
    for (const withParameters of [true, false]) {
      let path = decoder(target.split('?')[0]!)
      // `..;` is a dot segment to those that drop parameters.
      if (!withParameters) path = path.replaceAll(/(\/\.{1,2});[^/]*/g, '$1')
      for (const cut of [path, path.split('\0')[0]!]) {
        const slashed = cut.replaceAll('\\', '/')
        for (const each of [cut, slashed, slashed.replaceAll(/\/+/g, '/')])
          paths.add(new URL(`http://a.test/.${each.replaceAll(' ', '%20')}`).pathname.toLowerCase())
      }
    }
  }
  return paths
}

/** Decodes whatever can be decoded, overlong forms of `.`, `/` and `\` too. */
function decode(text: string): string {
  return text
    .replaceAll(/%c0%ae|%e0%80%ae|%f0%80%80%ae|%c0%2e/gi, '.')
    .replaceAll(/%c0%af|%e0%80%af|%f0%80%80%af/gi, '/')
    .replaceAll(/%c1%9c|%e0%81%9c/gi, '\\')
    .replaceAll(/%([0-9a-f]{2})/gi, (_whole, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
}
