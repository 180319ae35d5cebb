/** Several proofs that are all asked for, such as the certificate of a device and the token of whoever uses it. */
import type { Exchange, Identity } from '@sluice/core'
import { defineStrategy } from '../define-strategy.ts'
import { listOf } from '../refusal-reply.ts'
import { ABSENT, type IdentityOf, type Strategy, type Verdict } from '../strategy.ts'
import { checkStrategies, schemesOf, type Strategies } from './any-of.ts'

/** The identities of several strategies, in their order. */
export type IdentitiesOf<S extends Strategies> = { readonly [I in keyof S]: IdentityOf<S[I]> }

/** The identity of the first, and all of them. */
export type AllIdentities<S extends Strategies> = IdentityOf<S[0]> & { readonly all: IdentitiesOf<S> }

/**
 * Accepts whom all of them accept. The identity is that of the first, with its subject, scopes and roles: put the strategy first that says who acts.
 * `all` has that of each: nothing of the others is mixed into the first, since a role that a certificate has is not one of its user. Where
 * the credentials of one are missing, all are: so an `anyOf` around it goes on.
 *
 *     allOf(jwt({ ... }), clientCertificate({ ... }))
 *
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`
 */
export function allOf<const S extends Strategies>(...strategies: S): Strategy<AllIdentities<S>> {
  checkStrategies(strategies, 'allOf')
  const challenge = (exchange: Exchange): readonly string[] =>
    strategies.flatMap((each) => listOf(each.challenge(exchange)))
  return defineStrategy<AllIdentities<S>>({
    scheme: schemesOf(strategies),
    name: `allOf(${strategies.map(({ name }) => name).join(', ')})`,
    authenticate: (exchange) => askFrom(strategies, 0, exchange, []) as Verdict<AllIdentities<S>>,
    challenge,
    // Of an identity that is another's `all` says nothing here, or what none of these has given.
    strip: (exchange, identity?: Identity & { readonly all?: readonly Identity[] }) => {
      for (const [i, each] of strategies.entries()) each.strip(exchange, identity?.all?.[i])
    },
    strategies,
  })
}

function askFrom(
  strategies: Strategies,
  start: number,
  exchange: Exchange,
  identities: Identity[],
): Verdict | Promise<Verdict> {
  for (let i = start; i < strategies.length; i++) {
    const verdict = strategies[i]!.authenticate(exchange)
    if (verdict instanceof Promise) return wait(strategies, i, exchange, identities, verdict)
    if (verdict.kind !== 'accepted') return short(strategies, i, exchange, verdict)
    identities.push(verdict.identity)
  }
  return { kind: 'accepted', identity: merged(identities) }
}

/** The same object for the same identities: what is kept by an identity, such as a token that was signed for it, is found again. */
function merged(identities: readonly Identity[]): Identity {
  const [first] = identities as readonly [Identity, ...Identity[]]
  const known = lastMerged.get(first)
  if (known?.all.length === identities.length && known.all.every((each, i) => each === identities[i])) return known
  const identity = Object.freeze({ ...first, all: Object.freeze([...identities]) })
  lastMerged.set(first, identity)
  return identity
}

/** By the first of them. */
const lastMerged = new WeakMap<Identity, Identity & { readonly all: readonly Identity[] }>()

async function wait(
  strategies: Strategies,
  index: number,
  exchange: Exchange,
  identities: Identity[],
  pending: Promise<Verdict>,
): Promise<Verdict> {
  const verdict = await pending
  if (verdict.kind !== 'accepted') return short(strategies, index, exchange, verdict)
  identities.push(verdict.identity)
  return await askFrom(strategies, index + 1, exchange, identities)
}

/** Whose challenge it is stands in the refusal, since the composition's own would be that of all. */
function short(strategies: Strategies, index: number, exchange: Exchange, verdict: Verdict): Verdict {
  if (verdict.kind === 'absent') return ABSENT
  if (verdict.kind !== 'refused' || verdict.status !== 401 || verdict.reply !== undefined) return verdict
  return { ...verdict, challenge: listOf(verdict.challenge ?? strategies[index]!.challenge(exchange)) }
}
