/** Spaces and tabs around values (RFC 9110, section 5.6.3), and nothing else. */

/** Without them: to `trim`, a byte 0xA0 would be white as well, and to nobody else who reads the field. */
export function trimmed(text: string): string {
  return text.replace(/^[ \t]+/, '').replace(/(?<![ \t])[ \t]+$/, '')
}
