/** The names and types of the HTTP handler ABI of http-wasm (http-wasm.io/http-handler-abi). */
import type { HostFunction } from '../runtime/plugin-runtime.ts'

/** The module that its functions are imported from. */
export const HTTP_HANDLER = 'http_handler'

/** A name of one of its functions. */
export type HttpHandlerFunctionName =
  | 'enable_features'
  | 'get_config'
  | 'log'
  | 'log_enabled'
  | 'get_method'
  | 'set_method'
  | 'get_uri'
  | 'set_uri'
  | 'get_protocol_version'
  | 'get_source_addr'
  | 'get_header_names'
  | 'get_header_values'
  | 'set_header_value'
  | 'add_header_value'
  | 'remove_header'
  | 'read_body'
  | 'write_body'
  | 'get_status_code'
  | 'set_status_code'

/** Every function, with its type in short. */
export const HTTP_HANDLER_TYPES: Readonly<Record<HttpHandlerFunctionName, string>> = {
  enable_features: 'i>i',
  get_config: 'ii>i',
  log: 'iii',
  log_enabled: 'i>i',
  get_method: 'ii>i',
  set_method: 'ii',
  get_uri: 'ii>i',
  set_uri: 'ii',
  get_protocol_version: 'ii>i',
  get_source_addr: 'ii>i',
  get_header_names: 'iii>I',
  get_header_values: 'iiiii>I',
  set_header_value: 'iiiii',
  add_header_value: 'iiiii',
  remove_header: 'iii',
  read_body: 'iii>I',
  write_body: 'iii',
  get_status_code: '>i',
  set_status_code: 'i',
}

/** The functions of one instance. */
export type HttpHandlerFunctions = Readonly<Record<HttpHandlerFunctionName, HostFunction>>
