/** The proxy of most groups: one upstream, nothing else. */
import { createProxy, type ProxyOptions } from '@sluice/core'
import type { AnyProxy, Site } from '../behaviour-case.ts'

/** Forwards everything to the upstream that records. */
export function plainProxy(site: Site, options: ProxyOptions = {}): AnyProxy {
  return createProxy(options).forward(site.createUpstream('plain', { targets: [site.upstream] }))
}
