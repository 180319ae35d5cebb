/** A key server on loopback, whose answers a test decides. */
import { type Answer, listenUpstream } from '@sluice/testing'
import type { JWK } from 'jose'
import { onTestFinished } from 'vitest'

/** Starts one. What it publishes can be changed at any time. */
export async function keyServer(keys: readonly JWK[] = []) {
  const state: { keys: readonly JWK[]; answer: ((path: string) => Answer | undefined) | undefined } = {
    keys,
    answer: undefined,
  }
  const server = await listenUpstream(({ path }) => {
    const special = state.answer?.(path)
    if (special !== undefined) return special
    if (path === '/.well-known/openid-configuration')
      return { body: JSON.stringify({ issuer: server.url, jwks_uri: `${server.url}/keys` }) }
    return path === '/keys' ? { body: JSON.stringify({ keys: state.keys }) } : { status: 404 }
  })
  onTestFinished(() => server.close())
  return {
    url: server.url,
    jwksUrl: `${server.url}/keys`,
    state,
    /** What was asked for so far. */
    paths: () => server.requests.map(({ path }) => path),
    close: () => server.close(),
  }
}
