/** The query as part of a key. Parameters are taken as they stand: what differs in its encoding is another key, never the same. */

/** Keeps the parameters that the filter names, in order or sorted. `query` is given and returned without its `?`. */
export function filterQuery(query: string, keeps: ((name: string) => boolean) | undefined, isSorted: boolean): string {
  if (query === '') return ''
  let parameters = query.split('&')
  if (keeps !== undefined) parameters = parameters.filter((each) => each !== '' && keeps(parameterName(each)))
  if (isSorted) {
    // By name alone: of two values under one name the order may well matter, and `sort` keeps it.
    parameters.sort((a, b) => compare(parameterName(a), parameterName(b)))
  }
  return parameters.join('&')
}

export function parameterName(parameter: string): string {
  const equals = parameter.indexOf('=')
  return equals < 0 ? parameter : parameter.slice(0, equals)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
