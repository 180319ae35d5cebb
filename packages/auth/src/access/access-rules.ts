/**
 * Who may ask for what: ordered rules, of which the first that holds decides.
 *
 *     const access = accessRules({
 *       rules: [
 *         { name: 'office', action: 'allow', path: '/admin/*', addresses: ['192.0.2.0/24', '2001:db8::/48'] },
 *         { name: 'admin', action: 'deny', path: '/admin/*' },
 *       ],
 *       default: 'allow',
 *     })
 *
 * It decides on the request as it stands where the guard does: put it above whatever rewrites paths.
 */
import { ConfigError, defineMiddleware, type Exchange, type Handler, type Middleware, type Reply } from '@sluice/core'
import { flagOption, strictOption, textOption } from '@sluice/core/options'
import type { Clock } from '@sluice/wire'
import { accessRefusal } from './access-refusal.ts'
import { type AccessAction, type AccessRule, actionOption, type CompiledRule, compileRule } from './access-rule.ts'
import type { CidrListSnapshot } from './cidr-list.ts'
import { accessRefused } from './events.ts'
import {
  combinationsOf,
  type PathReading,
  type ReadingMask,
  readingMask,
  readingsThatMatter,
  readPath,
} from './path-readings.ts'

/** Options of {@link accessRules}. */
export interface AccessRulesOptions<N = unknown> {
  /** The first that holds decides. */
  readonly rules: readonly AccessRule<N>[]
  /** Where none holds. */
  readonly default: AccessAction
  /** Refuses nobody: only counts and tells who would be. @default false */
  readonly shadow?: boolean
  /**
   * How else than the guard an upstream may read a path. The rules are asked for each of these readings, and for those that combine
   * them, and a refusal in any of them wins: `/admin;x`, `/ADMIN` and `/admin/` are refused where `/admin` is. Leave out
   * what no upstream does.
   * @default ['path-parameters', 'letter-case', 'trailing-slash']
   */
  readonly readings?: readonly PathReading[]
  /** For events and `explain()`. @default 'accessRules' */
  readonly name?: string
  /** For lists of addresses that are made here. @default systemClock */
  readonly clock?: Clock
}

/** A rule's state as plain data. */
export interface AccessRuleSnapshot {
  readonly name: string
  readonly action: AccessAction
  readonly shadow: boolean
  /** For how many requests it has decided; for how many it would have, where it is a shadow. */
  readonly matched: number
  /** Missing where it asks for no addresses. */
  readonly addresses: CidrListSnapshot | undefined
}

/** A guard's state as plain data. */
export interface AccessSnapshot {
  readonly name: string
  readonly shadow: boolean
  /** With a last one, `default`, for what none of them has decided. */
  readonly rules: readonly AccessRuleSnapshot[]
  readonly allowed: number
  /** How many were refused, or would have been, where the guard is a shadow. */
  readonly refused: number
}

/** What a guard makes of an exchange. */
export interface AccessExplanation {
  readonly action: AccessAction
  /** The rule that decides. */
  readonly rule: string
  /** What is decided for each reading of the path; the plain one first. */
  readonly readings: readonly { readonly path: string; readonly rule: string; readonly action: AccessAction }[]
  /** Shadows that hold, and would decide. */
  readonly shadows: readonly string[]
}

/** The middleware, with a look inside. */
export interface AccessGuard<N = unknown> extends Middleware<N> {
  snapshot(): AccessSnapshot
  /** What it would do. Nothing is counted, and nothing published. */
  explain(exchange: Exchange<N>): AccessExplanation
  /** Looks at files and functions of its lists no more; lists that it was given stay as they are. */
  close(): void
}

/**
 * Makes the guard. A refusal is 403 with a problem document of the `code` `access-refused`.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, when it is built
 */
export function accessRules<N = unknown>(options: AccessRulesOptions<N>): AccessGuard<N> {
  return guardOf(options, 'accessRules', (index) => `accessRules.rules[${index}]`)
}

/** The same for shortcuts, whose rules stand elsewhere in their options. */
export function guardOf<N>(
  options: AccessRulesOptions<N>,
  at: string,
  ruleAt: (index: number) => string,
): AccessGuard<N> {
  const rules = new RuleList<N>(strictOption(options, NAMES, at), at, ruleAt)
  const middleware = defineMiddleware<N>(rules.name, (exchange: Exchange<N>, next: Handler): Reply | Promise<Reply> =>
    rules.refuses(exchange) ? accessRefusal('access-refused', exchange.settings.name) : next(exchange),
  )
  return Object.assign(middleware, {
    snapshot: () => rules.snapshot(),
    explain: (exchange: Exchange<N>) => rules.explain(exchange),
    close: () => rules.close(),
  })
}

const NAMES = ['rules', 'default', 'shadow', 'readings', 'name', 'clock']

/** Never added to: there is none to add. */
const NO_SHADOWS: never[] = []

class RuleList<N> {
  readonly name: string
  readonly #shadow: boolean
  /** The last one always holds. */
  readonly #rules: readonly CompiledRule<N>[]
  readonly #asksPaths: boolean
  readonly #readings: ReadingMask
  readonly #ownReadings: ReadingMask
  readonly #hasShadows: boolean
  #allowed = 0
  #refused = 0

  constructor(options: AccessRulesOptions<N>, at: string, ruleAt: (index: number) => string) {
    this.name = textOption(options.name ?? at, `${at}.name`)
    this.#shadow = flagOption(options.shadow, false, `${at}.shadow`)
    const readings = readingMask(options.readings, `${at}.readings`)
    if (!Array.isArray(options.rules)) throw new ConfigError(`${at}.rules`, 'must be a list of rules')
    const compiled = options.rules.map((rule: AccessRule<N>, index) =>
      compileRule<N>(rule, index, readings, options.clock, ruleAt(index)),
    )
    for (const rule of compiled) if (rule.shadow || this.#shadow) rule.holds = unfailing(rule)
    this.#rules = [...compiled, defaultRule<N>(actionOption(options.default, `${at}.default`))]
    checkNames(this.#rules, ruleAt)
    this.#asksPaths = compiled.some(({ hasPath }) => hasPath)
    // Where no rule asks for a path there is nothing to read in two ways.
    this.#readings = this.#asksPaths ? readings : 0
    this.#hasShadows = compiled.some(({ shadow }) => shadow)
    this.#ownReadings = compiled.reduce((all, { ownReadings }) => all | ownReadings, 0)
  }

  /** Decides, counts and publishes. */
  refuses(exchange: Exchange<N>): boolean {
    const shadows: CompiledRule<N>[] = this.#hasShadows ? [] : NO_SHADOWS
    const rule = this.#decide(exchange, shadows)
    rule.matched++
    for (const each of shadows) {
      each.matched++
      if (each.action === 'deny') this.#publish(exchange, each, true)
    }
    if (rule.action === 'allow') {
      this.#allowed++
      return false
    }
    this.#refused++
    this.#publish(exchange, rule, this.#shadow)
    return !this.#shadow
  }

  explain(exchange: Exchange<N>): AccessExplanation {
    const shadows: CompiledRule<N>[] = []
    const { name: rule, action } = this.#decide(exchange, shadows)
    const { path } = exchange.request
    const readings = [0, ...combinationsOf(this.#readingsOf(path))].map((mask) => {
      const read = readPath(path, mask)
      const decided = this.#firstOf(exchange, read, mask, [])
      return { path: read, rule: decided.name, action: decided.action }
    })
    return { action, rule, readings, shadows: shadows.map(({ name }) => name) }
  }

  snapshot(): AccessSnapshot {
    const rules = this.#rules.map(({ name, action, shadow, matched, list }): AccessRuleSnapshot => ({
      name,
      action,
      shadow,
      matched,
      addresses: list?.snapshot(),
    }))
    return { name: this.name, shadow: this.#shadow, rules, allowed: this.#allowed, refused: this.#refused }
  }

  close(): void {
    for (const { list, ownsList } of this.#rules) if (ownsList) list!.close()
  }

  #decide(exchange: Exchange<N>, shadows: CompiledRule<N>[]): CompiledRule<N> {
    const path = this.#asksPaths ? exchange.request.path : ''
    const decided = this.#firstOf(exchange, path, 0, shadows)
    if (this.#readings === 0 || decided.action === 'deny') return decided
    const matter = this.#readingsOf(path)
    for (let mask = matter; mask > 0; mask = (mask - 1) & matter) {
      const otherwise = this.#firstOf(exchange, readPath(path, mask), mask, shadows)
      if (otherwise.action === 'deny') return otherwise
    }
    return decided
  }

  #readingsOf(path: string): ReadingMask {
    return this.#readings === 0 ? 0 : readingsThatMatter(path, this.#readings) | this.#ownReadings
  }

  #firstOf(exchange: Exchange<N>, path: string, mask: ReadingMask, shadows: CompiledRule<N>[]): CompiledRule<N> {
    for (const rule of this.#rules) {
      if (!rule.holds(exchange, path, mask)) continue
      if (!rule.shadow) return rule
      if (!shadows.includes(rule)) shadows.push(rule)
    }
    return this.#rules.at(-1)!
  }

  #publish(exchange: Exchange<N>, { name: rule }: CompiledRule<N>, shadow: boolean): void {
    if (accessRefused.hasSubscribers) accessRefused.publish({ exchange, guard: this.name, rule, shadow })
  }
}

/** What fails in a shadow must not fail the exchange: without a clear word it denies, as a promise does, or does not allow. */
function unfailing<N>({ holds, action }: CompiledRule<N>): CompiledRule<N>['holds'] {
  return (exchange, path, mask) => {
    try {
      return holds(exchange, path, mask)
    } catch {
      return action === 'deny'
    }
  }
}

function defaultRule<N>(action: AccessAction): CompiledRule<N> {
  return {
    name: 'default',
    action,
    shadow: false,
    list: undefined,
    ownsList: false,
    ownReadings: 0,
    hasPath: false,
    holds: () => true,
    matched: 0,
  }
}

function checkNames<N>(rules: readonly CompiledRule<N>[], ruleAt: (index: number) => string): void {
  rules.forEach(({ name }, index) => {
    const first = rules.findIndex((each) => each.name === name)
    if (first !== index && name === 'default') throw new ConfigError(`${ruleAt(first)}.name`, 'must not be "default"')
    if (first !== index) throw new ConfigError(`${ruleAt(index)}.name`, `is not the only rule "${name}"`)
  })
}
