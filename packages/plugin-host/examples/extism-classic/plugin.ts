/**
 * A plugin as those for the Rust proxy "simple-proxy" are: made with Extism's own kit, JSON in and JSON out, nothing of Sluice's interface.
 * It takes the tenant from the first part of the host name, and says who answered.
 */
import { Config, Host } from '@extism/as-pdk'
// A reader for JSON; it calls no host function.
import { Json } from '@sluice/plugin-host/pdk/as/json'

export function on_request(): i32 {
  const head = Json.parse(Host.inputString())
  const host = head.get('headers').get('host').at(0).text()
  const dot = host.indexOf('.')
  // Whoever asks for the bare domain has no tenant, whatever they say of themselves.
  if (dot <= 0 || !isName(host, dot)) Host.outputString('{"headers_to_remove":["x-tenant"]}')
  else Host.outputString('{"headers_to_add":{"x-tenant":["' + host.substring(0, dot) + '"]}}')
  return 0
}

export function on_response(): i32 {
  const status = Json.parse(Host.inputString()).get('status').integer()
  const name = Config.get('served-by')
  let added = '"x-served-by":["' + (name === null ? 'unknown' : name) + '"]'
  if (status >= 500) added += ',"cache-control":["no-store"]'
  Host.outputString('{"headers_to_add":{' + added + '}}')
  return 0
}

/**
 * Where AssemblyScript ends when it fails. Extism has no `env.abort`, which it would import otherwise: see asconfig.json.
 */
function fail(_message: string | null, _file: string | null, _line: u32, _column: u32): void {
  unreachable()
}

/** What may stand within JSON as it is. */
function isName(text: string, length: i32): bool {
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (!((code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x7a) || code == 0x2d)) return false
  }
  return true
}
