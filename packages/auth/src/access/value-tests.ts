/**
 * What rules ask of fields and of query parameters. Where there are several of one name the upstream decides which of them counts: the
 * first, the last, or all. So a rule that denies holds where one of them would do, and one that allows where all of them do. (A route takes
 * fields joined, and the first parameter.)
 */
import { type ExchangeRequest, type RequestMatch, RequestMatcher, valueTest } from '@sluice/core'

/** Says whether a request has what was asked for. */
export type ValueTest = (request: ExchangeRequest) => boolean

/** One for each name. @throws {ConfigError} `ERR_SLUICE_CONFIG` at `at` */
export function compileValues(
  { headers = {}, query = {} }: Pick<RequestMatch, 'headers' | 'query'>,
  action: 'allow' | 'deny',
  at: string,
): ValueTest[] {
  // Says what is wrong with a name.
  void new RequestMatcher({ headers, query }, at)
  const ofAll = (values: readonly (string | undefined)[], holds: (value: string | undefined) => boolean): boolean =>
    action === 'deny' ? values.some(holds) : values.every(holds)
  const ofHeaders = Object.entries(headers).map(([name, expected]): ValueTest => {
    const holds = valueTest(expected, `${at}.headers.${name}`)
    return ({ headers: fields }) => {
      const values = fields.getAll(name)
      return values.length < 2 ? holds(values[0]) : ofAll([fields.get(name), ...values], holds)
    }
  })
  const ofQuery = Object.entries(query).map(([name, expected]): ValueTest => {
    const holds = valueTest(expected, `${at}.query.${name}`)
    return ({ query: parameters }) => {
      const values = parameters.getAll(name)
      return values.length < 2 ? holds(values[0]) : ofAll(values, holds)
    }
  })
  return [...ofHeaders, ...ofQuery]
}
