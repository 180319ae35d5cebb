/** The interfaces of others, by the name that a manifest has for them. */
import type { ForeignInterface } from '../abi/foreign-interface.ts'
import type { PluginAbi } from '../manifest/manifest.ts'
import { extismJson } from './extism-json.ts'
import { httpWasm } from './http-wasm.ts'

const INTERFACES: Readonly<Record<PluginAbi, ForeignInterface | undefined>> = {
  'sluice:v1': undefined,
  'extism-json': extismJson,
  'http-wasm': httpWasm,
}

/** Missing for `sluice:v1`, which is no interface of others. */
export function foreignInterface(abi: PluginAbi): ForeignInterface | undefined {
  return INTERFACES[abi]
}
