/** Lines of header fields in the one form that is written here: `Name: value` and CRLF. Their length tells where each stands. */

/** Added, not put in a template: this is done for each field, and additions of strings are what V8 does best. */
export function lineOf(name: string, value: string): string {
  return name + ': ' + value + '\r\n'
}

/**
 * `lines` with `by` in the place of one line. `flat` has names and values: those of the lines before it are the first `before`
 * pairs, and its own are the pair at `index`.
 */
export function exchangeLine(
  lines: string,
  flat: readonly string[],
  before: number,
  index: number,
  by: string,
): string {
  let at = 0
  for (let i = 0; i < before; i++) at += lineLength(flat, i)
  return lines.slice(0, at) + by + lines.slice(at + lineLength(flat, index))
}

function lineLength(flat: readonly string[], index: number): number {
  return flat[2 * index]!.length + flat[2 * index + 1]!.length + 4
}
