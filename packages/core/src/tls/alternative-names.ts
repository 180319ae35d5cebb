/**
 * The subject alternative names of a certificate (RFC 5280, section 4.2.1.6), from the text that Node makes of them:
 * `DNS:a.example, IP Address:10.0.0.1, URI:"spiffe://a/b,c"`. A value that could be mistaken for several is quoted there as
 * JSON, so that reading it is safe; splitting it at commas would not be (CVE-2021-44532).
 */
import { isIPv6 } from 'node:net'

/** What a name names. `other` is whatever Node has no word for, and `id` a registered object identifier. */
export type AlternativeNameType = 'dns' | 'ip' | 'uri' | 'email' | 'directory' | 'id' | 'other'

/** One of them. */
export interface AlternativeName {
  readonly type: AlternativeNameType
  readonly value: string
}

const TYPES: Readonly<Record<string, AlternativeNameType>> = {
  DNS: 'dns',
  'IP Address': 'ip',
  URI: 'uri',
  email: 'email',
  DirName: 'directory',
  'Registered ID': 'id',
}
const ENTRY = /([^:,"]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y

/** `list` is `X509Certificate.subjectAltName`. What can not be read is left out, and so can name nothing. */
export function parseAlternativeNames(list: string | undefined): readonly AlternativeName[] {
  if (list === undefined) return []
  const names: AlternativeName[] = []
  ENTRY.lastIndex = 0
  while (ENTRY.lastIndex < list.length) {
    const match = ENTRY.exec(list)
    if (match === null) return names
    const [, label = '', value = ''] = match
    const type = TYPES[label] ?? 'other'
    const text = value.startsWith('"') ? (JSON.parse(value) as string) : value
    names.push({ type, value: type === 'ip' && isIPv6(text) ? canonical(text) : text })
  }
  return names
}

/** In the form of RFC 5952, as addresses are written everywhere else. */
function canonical(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1)
}
