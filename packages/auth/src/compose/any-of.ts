/**
 * Several ways to prove who one is. The first strategy that recognises credentials of its kind decides, for good or bad: whoever comes with a token
 * that has expired is told so, instead of being tried as somebody without one.
 */
import { ConfigError, type Exchange } from '@sluice/core'
import { defineStrategy } from '../define-strategy.ts'
import { listOf } from '../refusal-reply.ts'
import { ABSENT, type IdentityOf, type Strategy, type Verdict } from '../strategy.ts'

/** At least one. */
export type Strategies = readonly [Strategy, ...Strategy[]]

/**
 * Asks one after the other. A token is recognised by its form and by its issuer: `jwt` leaves opaque tokens, and those of issuers it does not know, to the
 * strategies behind it. Behind it the identity is of one of their types, which `scheme` tells apart. A request without any
 * credentials, or with bad ones, is challenged by all of them, each in a line of its own (RFC 9110, section 11.6.1). Credentials of the
 * others are taken off as well, where their options say so: nobody has looked at those.
 *
 *     anyOf(jwt({ ... }), apiKey({ ... }))
 *
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`
 */
export function anyOf<const S extends Strategies>(...strategies: S): Strategy<IdentityOf<S[number]>> {
  checkStrategies(strategies, 'anyOf')
  const challenge = (exchange: Exchange): readonly string[] =>
    strategies.flatMap((each) => listOf(each.challenge(exchange)))
  return defineStrategy<IdentityOf<S[number]>>({
    scheme: schemesOf(strategies),
    name: `anyOf(${strategies.map(({ name }) => name).join(', ')})`,
    authenticate: (exchange) => askFrom(strategies, 0, exchange, ABSENT) as Verdict<IdentityOf<S[number]>>,
    challenge,
    strip: (exchange, identity) => {
      for (const each of strategies) each.strip(exchange, identity)
    },
    strategies,
  })
}

/** Goes on at once as long as nobody has to be waited for. */
function askFrom(
  strategies: Strategies,
  start: number,
  exchange: Exchange,
  before: Verdict,
): Verdict | Promise<Verdict> {
  let nobodys = before
  for (let i = start; i < strategies.length; i++) {
    const verdict = strategies[i]!.authenticate(exchange)
    if (verdict instanceof Promise) return wait(strategies, i, exchange, nobodys, verdict)
    if (!isLeft(verdict)) return decided(strategies, i, exchange, verdict)
    nobodys = first(nobodys, strategies, i, exchange, verdict)
  }
  return nobodys
}

async function wait(
  strategies: Strategies,
  index: number,
  exchange: Exchange,
  before: Verdict,
  pending: Promise<Verdict>,
): Promise<Verdict> {
  const verdict = await pending
  if (!isLeft(verdict)) return decided(strategies, index, exchange, verdict)
  return await askFrom(strategies, index + 1, exchange, first(before, strategies, index, exchange, verdict))
}

/** Whether it is left to those who follow. */
function isLeft(verdict: Verdict): boolean {
  return verdict.kind === 'absent' || (verdict.kind === 'refused' && verdict.isForeign === true)
}

/** What it comes to where it is nobody's: the first who has seen something says what is wrong with it. */
function first(before: Verdict, strategies: Strategies, index: number, exchange: Exchange, verdict: Verdict): Verdict {
  return before.kind === 'refused' ? before : decided(strategies, index, exchange, verdict)
}

/** A refusal says what is wrong with these credentials, and which others there are. */
function decided(strategies: Strategies, index: number, exchange: Exchange, verdict: Verdict): Verdict {
  if (verdict.kind !== 'refused' || verdict.status !== 401 || verdict.reply !== undefined) return verdict
  const challenge = strategies.flatMap((each, i) =>
    listOf((i === index ? verdict.challenge : undefined) ?? each.challenge(exchange)),
  )
  return { ...verdict, challenge }
}

export function schemesOf(strategies: Strategies): string {
  return [...new Set(strategies.map(({ scheme }) => scheme))].join(' ')
}

export function checkStrategies(strategies: readonly Strategy[], at: string): void {
  if (strategies.length === 0) throw new ConfigError(at, 'needs at least one strategy')
  strategies.forEach((each, index) => {
    if (typeof each !== 'function' || typeof each.authenticate !== 'function')
      throw new ConfigError(`${at}[${index}]`, 'must be a strategy')
  })
}
