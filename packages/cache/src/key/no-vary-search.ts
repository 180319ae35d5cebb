/**
 * `No-Vary-Search` (draft-ietf-httpbis-no-vary-search): a response says which parameters of its query make no difference. What was
 * learnt is kept for each path, in bounded numbers; a process that has not learnt it yet asks its upstream once more.
 */
import { type BareItem, parseDictionary, type SfMember } from '../directives/structured-fields.ts'
import { filterQuery } from './query.ts'

/** The rules of one path. */
export interface SearchRules {
  readonly keeps: ((name: string) => boolean) | undefined
  readonly isSorted: boolean
}

const MAX_PATHS = 1_024

/** What a field says; `undefined` where it says nothing, or can't be understood. Never throws. */
export function parseNoVarySearch(value: string): SearchRules | undefined {
  const members = parseDictionary(value)
  if (members === undefined) return undefined
  const [order, params, except] = ['key-order', 'params', 'except'].map((key) => members.get(key))
  if (order !== undefined && typeof order !== 'boolean') return undefined
  const isSorted = order === true
  if (except !== undefined) {
    const kept = names(except)
    if (kept === undefined || params !== true) return undefined
    return { keeps: (name) => kept.has(decoded(name)), isSorted }
  }
  if (params === true) return { keeps: () => false, isSorted }
  if (params === undefined || params === false) return isSorted ? { keeps: undefined, isSorted } : undefined
  const ignored = names(params)
  return ignored === undefined ? undefined : { keeps: (name) => !ignored.has(decoded(name)), isSorted }
}

/** What is known of paths. */
export class SearchRuleTable {
  readonly #rules = new Map<string, SearchRules>()

  /** The target with the query that counts. `origin` is of no more than a scheme and an authority. */
  apply(origin: string, target: string): string {
    if (this.#rules.size === 0) return target
    const question = target.indexOf('?')
    if (question < 0) return target
    const rules = this.#rules.get(origin + target.slice(0, question))
    if (rules === undefined) return target
    const query = filterQuery(target.slice(question + 1), rules.keeps, rules.isSorted)
    return query === '' ? target.slice(0, question) : `${target.slice(0, question)}?${query}`
  }

  /** Learns from a response's field; whether the rules of this path are others now. */
  learn(origin: string, target: string, value: string | undefined): boolean {
    const question = target.indexOf('?')
    if (question < 0) return false
    const path = origin + target.slice(0, question)
    const rules = value === undefined ? undefined : parseNoVarySearch(value)
    if (rules === undefined) return this.#rules.delete(path)
    this.#rules.delete(path)
    this.#rules.set(path, rules)
    if (this.#rules.size > MAX_PATHS) this.#rules.delete(this.#rules.keys().next().value!)
    return true
  }
}

function names(member: SfMember): Set<string> | undefined {
  if (!Array.isArray(member) || !member.every((each: BareItem): each is string => typeof each === 'string'))
    return undefined
  return new Set(member)
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name.replaceAll('+', ' '))
  } catch {
    return name
  }
}
