/** Quoted strings and lists of names (RFC 9110, sections 5.6.1 and 5.6.4). */

/** The content of a quoted string, given without its quotes. */
export function unquote(text: string): string {
  return text.includes('\\') ? text.replace(/\\(.?)/gs, '$1') : text
}

/** The members of a comma-separated list, trimmed, empty ones left out. */
export function listMembers(value: string): string[] {
  return value
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
}

/** Field names of a list, in lower case. */
export function fieldNames(value: string): string[] {
  return listMembers(value).map((each) => each.toLowerCase())
}
