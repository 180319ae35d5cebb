;; WebAssembly's text form. What there is to import, and what hooks return, is in Sluice's docs/plugin-abi.md.
(module
  (import "sluice" "get_header" (func $get_header (param $kind i32) (param $name i32) (param $name_len i32)
    (param $buf i32) (param $cap i32) (result i32)))
  (import "sluice" "set_header" (func $set_header (param $kind i32) (param $name i32) (param $name_len i32)
    (param $value i32) (param $value_len i32) (result i32)))
  (import "sluice" "respond" (func $respond (param $status i32) (param $headers i32) (param $headers_len i32)
    (param $body i32) (param $body_len i32) (result i32)))

  (memory (export "memory") 1)
  (data (i32.const 0) "x-forbidden")
  (data (i32.const 16) "x-greeting")
  (data (i32.const 32) "hello")
  (data (i32.const 64) "this is forbidden\n")

  (func (export "on_request_head") (result i32)
    ;; Its length, or -1 where it is missing; a `cap` of 0 copies nothing.
    (if (i32.ge_s (call $get_header (i32.const 0) (i32.const 0) (i32.const 11) (i32.const 0) (i32.const 0)) (i32.const 0))
      (then
        (drop (call $respond (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 64) (i32.const 18)))
        ;; RESPOND
        (return (i32.const 1))))
    ;; CONTINUE
    (i32.const 0))

  (func (export "on_response_head") (result i32)
    ;; Not 0: the manifest does not grant it. A trap says so.
    (if (call $set_header (i32.const 1) (i32.const 16) (i32.const 10) (i32.const 32) (i32.const 5)) (then unreachable))
    (i32.const 0)))
