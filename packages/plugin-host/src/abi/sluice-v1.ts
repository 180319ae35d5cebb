/**
 * The numbers and signatures of `sluice:v1`, as docs/plugin-abi.md has them: what a module of this interface may export and
 * import, and what each import needs to have been granted.
 */

/** The module that host functions are imported from. */
export const HOST_MODULE = 'sluice'

/** Which head or body a host function is about. */
export const REQUEST = 0
export const REPLY = 1

/** Results of host functions that are no length. */
export const OK = 0
export const MISSING = -1
export const DENIED = -2
export const INVALID = -3
export const LIMIT = -4

/** Results of hooks. */
export const CONTINUE = 0
export const RESPOND = 1
export const PAUSE = 2
export const SKIP = 3

/** A hook that a manifest may list. */
export type HookName =
  | 'on_init'
  | 'on_request_head'
  | 'on_request_body'
  | 'on_response_head'
  | 'on_response_body'
  | 'on_http_reply'
  | 'on_log'
  | 'on_tick'

/** Every hook with the number of its parameters, all i32; each gives an i32. */
export const HOOK_PARAMETERS: Readonly<Record<HookName, number>> = {
  on_init: 0,
  on_request_head: 0,
  on_request_body: 2,
  on_response_head: 0,
  on_response_body: 2,
  on_http_reply: 2,
  on_log: 0,
  on_tick: 0,
}

export const HOOK_NAMES: readonly HookName[] = Object.keys(HOOK_PARAMETERS) as HookName[]

/** What an import needs in the manifest; `none` is there for everybody. */
export type Grant = 'none' | 'respond' | 'kv' | 'http' | 'metrics'

/** The type of a host function, as `i` for i32 and `d` for f64, the result last; and what it needs. */
export interface HostFunctionType {
  readonly parameters: readonly ('i' | 'd')[]
  readonly result: 'i' | 'd'
  readonly grant: Grant
}

function type(signature: string, grant: Grant = 'none'): HostFunctionType {
  const types = signature.split('') as ('i' | 'd')[]
  return { parameters: types.slice(0, -1), result: types.at(-1)!, grant }
}

/** The name of a function of the module `sluice`. */
export type HostFunctionName =
  | 'get_header'
  | 'get_headers'
  | 'set_header'
  | 'add_header'
  | 'remove_header'
  | 'get_head'
  | 'edit_head'
  | 'get_property'
  | 'set_property'
  | 'get_body'
  | 'set_body'
  | 'respond'
  | 'set_result'
  | 'get_state'
  | 'set_state'
  | 'get_config'
  | 'kv_get'
  | 'kv_set'
  | 'kv_delete'
  | 'kv_increment'
  | 'kv_compare_and_swap'
  | 'http_request'
  | 'http_reply_head'
  | 'http_reply_body'
  | 'http_error'
  | 'log'
  | 'metric'
  | 'now_ms'
  | 'monotonic_ms'
  | 'random'

/** Every function of the module `sluice`. */
export const HOST_FUNCTIONS: Readonly<Record<HostFunctionName, HostFunctionType>> = {
  get_header: type('iiiiii'),
  get_headers: type('iiiiii'),
  set_header: type('iiiiii'),
  add_header: type('iiiiii'),
  remove_header: type('iiii'),
  get_head: type('iiii'),
  edit_head: type('iiii'),
  get_property: type('iiiii'),
  set_property: type('iiiii'),
  get_body: type('iiiii'),
  set_body: type('iiii'),
  respond: type('iiiiii', 'respond'),
  set_result: type('iii'),
  get_state: type('iii'),
  set_state: type('iii'),
  get_config: type('iii'),
  kv_get: type('iiiii', 'kv'),
  kv_set: type('iiiiii', 'kv'),
  kv_delete: type('iii', 'kv'),
  kv_increment: type('iidid', 'kv'),
  kv_compare_and_swap: type('iiiiiiii', 'kv'),
  http_request: type('iii', 'http'),
  http_reply_head: type('iiii', 'http'),
  http_reply_body: type('iiiii', 'http'),
  http_error: type('iiii', 'http'),
  log: type('iiii'),
  metric: type('iiidi', 'metrics'),
  now_ms: type('d'),
  monotonic_ms: type('d'),
  random: type('iii'),
}

/** The functions of one instance, by name. */
export type HostFunctions = Readonly<Record<HostFunctionName, (...args: number[]) => number>>
