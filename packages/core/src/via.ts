/** The `Via` field that a proxy adds in both directions (RFC 9110, section 7.6.3). */
import { fieldName, type HeaderList } from '@sluice/wire'
import type { ProxySettings } from './proxy-settings.ts'

const VIA = fieldName('Via')

/** Names this hop behind those before it; `httpVersion` is that of the message as it was received. */
export function addVia(headers: HeaderList, { via, name, viaHttp11 }: ProxySettings, httpVersion: string): void {
  if (via) headers.appendUnchecked(VIA, httpVersion === '1.1' ? viaHttp11 : `${httpVersion} ${name}`)
}
