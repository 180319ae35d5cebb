/**
 * The host functions of `sluice:v1` as they are (docs/plugin-abi.md): addresses and lengths. What plugins use is made of these, in
 * the other files; a plugin that counts every instruction may call them itself.
 */

@external("sluice", "get_header")
export declare function get_header(kind: i32, name: usize, nameLength: i32, buf: usize, cap: i32): i32
@external("sluice", "get_headers")
export declare function get_headers(kind: i32, name: usize, nameLength: i32, buf: usize, cap: i32): i32
@external("sluice", "set_header")
export declare function set_header(kind: i32, name: usize, nameLength: i32, value: usize, valueLength: i32): i32
@external("sluice", "add_header")
export declare function add_header(kind: i32, name: usize, nameLength: i32, value: usize, valueLength: i32): i32
@external("sluice", "remove_header")
export declare function remove_header(kind: i32, name: usize, nameLength: i32): i32
@external("sluice", "get_head")
export declare function get_head(kind: i32, buf: usize, cap: i32): i32
@external("sluice", "edit_head")
export declare function edit_head(kind: i32, edits: usize, length: i32): i32

@external("sluice", "get_property")
export declare function get_property(name: usize, nameLength: i32, buf: usize, cap: i32): i32
@external("sluice", "set_property")
export declare function set_property(name: usize, nameLength: i32, value: usize, valueLength: i32): i32

@external("sluice", "get_body")
export declare function get_body(kind: i32, offset: i32, buf: usize, cap: i32): i32
@external("sluice", "set_body")
export declare function set_body(kind: i32, at: usize, length: i32): i32

@external("sluice", "respond")
export declare function respond(status: i32, fields: usize, fieldsLength: i32, body: usize, bodyLength: i32): i32
@external("sluice", "set_result")
export declare function set_result(at: usize, length: i32): i32
@external("sluice", "get_state")
export declare function get_state(buf: usize, cap: i32): i32
@external("sluice", "set_state")
export declare function set_state(at: usize, length: i32): i32
@external("sluice", "get_config")
export declare function get_config(buf: usize, cap: i32): i32

@external("sluice", "kv_get")
export declare function kv_get(key: usize, keyLength: i32, buf: usize, cap: i32): i32
@external("sluice", "kv_set")
export declare function kv_set(key: usize, keyLength: i32, value: usize, valueLength: i32, ttlMs: i32): i32
@external("sluice", "kv_delete")
export declare function kv_delete(key: usize, keyLength: i32): i32
@external("sluice", "kv_increment")
export declare function kv_increment(key: usize, keyLength: i32, delta: f64, ttlMs: i32): f64
@external("sluice", "kv_compare_and_swap")
export declare function kv_compare_and_swap(
  key: usize,
  keyLength: i32,
  expected: usize,
  expectedLength: i32,
  value: usize,
  valueLength: i32,
  ttlMs: i32,
): i32

@external("sluice", "http_request")
export declare function http_request(at: usize, length: i32): i32
@external("sluice", "http_reply_head")
export declare function http_reply_head(call: i32, buf: usize, cap: i32): i32
@external("sluice", "http_reply_body")
export declare function http_reply_body(call: i32, offset: i32, buf: usize, cap: i32): i32
@external("sluice", "http_error")
export declare function http_error(call: i32, buf: usize, cap: i32): i32

@external("sluice", "log")
export declare function log(level: i32, at: usize, length: i32): i32
@external("sluice", "metric")
export declare function metric(kind: i32, name: usize, nameLength: i32, value: f64): i32
@external("sluice", "now_ms")
export declare function now_ms(): f64
@external("sluice", "monotonic_ms")
export declare function monotonic_ms(): f64
@external("sluice", "random")
export declare function random(at: usize, length: i32): i32
