/**
 * The names and types of a classic Extism plugin: what Extism's kits import, and the two functions of the Rust proxy "simple-proxy"
 * (src/plugins/interface.rs there), which take and give JSON.
 */
import type { HostFunction } from '../runtime/plugin-runtime.ts'
import { type ForeignImports, importsOf } from './foreign-interface.ts'

/** The module that Extism's functions are imported from. */
export const EXTISM_MODULE = 'extism:host/env'

/** A name of one of the functions that move bytes. */
export type KernelFunctionName =
  | 'load_u8'
  | 'load_u64'
  | 'store_u8'
  | 'store_u64'
  | 'input_offset'
  | 'input_length'
  | 'input_load_u8'
  | 'input_load_u64'

/** Those that move bytes; in the kernel, see `extism-kernel.ts`. */
export const KERNEL_TYPES: Readonly<Record<KernelFunctionName, string>> = {
  load_u8: 'I>i',
  load_u64: 'I>I',
  store_u8: 'Ii',
  store_u64: 'II',
  input_offset: '>I',
  input_length: '>I',
  input_load_u8: 'I>i',
  input_load_u64: 'I>I',
}

/** A name of one of the others. */
export type ExtismFunctionName =
  | 'alloc'
  | 'free'
  | 'length'
  | 'length_unsafe'
  | 'output_set'
  | 'error_set'
  | 'error_get'
  | 'config_get'
  | 'var_get'
  | 'var_set'
  | 'http_request'
  | 'http_status_code'
  | 'http_headers'
  | 'log_trace'
  | 'log_debug'
  | 'log_info'
  | 'log_warn'
  | 'log_error'
  | 'get_log_level'

/** All others. */
export const EXTISM_TYPES: Readonly<Record<ExtismFunctionName, string>> = {
  alloc: 'I>I',
  free: 'I',
  length: 'I>I',
  length_unsafe: 'I>I',
  output_set: 'II',
  error_set: 'I',
  error_get: '>I',
  config_get: 'I>I',
  var_get: 'I>I',
  var_set: 'II',
  http_request: 'II>I',
  http_status_code: '>i',
  http_headers: '>I',
  log_trace: 'I',
  log_debug: 'I',
  log_info: 'I',
  log_warn: 'I',
  log_error: 'I',
  get_log_level: '>i',
}

/** All of them, with their types written out. */
export const EXTISM_IMPORTS: ForeignImports = importsOf({ ...KERNEL_TYPES, ...EXTISM_TYPES })

/** The functions of one instance that are not the kernel's. */
export type ExtismFunctions = Readonly<Record<ExtismFunctionName, HostFunction>>
