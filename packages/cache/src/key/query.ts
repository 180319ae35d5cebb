/**
 * The query as part of a key. Parameters are taken as they stand: what differs in its encoding is another key, never the same. A parameter
 * is left out only where no upstream could read another one in it ("Web Cache Entanglement", James Kettle, 2020).
 */

/** Keeps the parameters that the filter names, in order or sorted. `query` is given and returned without its `?`. */
export function filterQuery(query: string, keeps: ((name: string) => boolean) | undefined, isSorted: boolean): string {
  if (query === '') return ''
  let parameters = query.split('&')
  if (keeps !== undefined)
    // A semicolon parts parameters for some: what stands behind it counts.
    parameters = parameters.filter((each) => each !== '' && (each.includes(';') || keeps(parameterName(each))))
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

/**
 * A name as the most lenient upstream reads it: decoded, in lower case, without the brackets of a list or an object, and with `_` for what
 * some can't have in a name. `undefined` where it can't be decoded, and so might be read in any way.
 */
export function lenientName(name: string): string | undefined {
  try {
    const decoded = decodeURIComponent(name.replaceAll('+', ' ')).trim().toLowerCase()
    const [plain = ''] = decoded.split(/[[\0]/, 1)
    return plain.replace(/[ .]/g, '_')
  } catch {
    return undefined
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
