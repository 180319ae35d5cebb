;; Takes from requests what clients may not say and from replies what nobody need know, and adds what browsers want to hear.
;;
;; All of it is known beforehand, so each head takes one call of the host: a list of edits that is data (docs/plugin-abi.md, edit_head).
(module
  (import "sluice" "edit_head" (func $edit_head (param $kind i32) (param $ptr i32) (param $len i32) (result i32)))
  (import "sluice" "get_header"
    (func $get_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "sluice" "set_header"
    (func $set_header (param i32 i32 i32 i32 i32) (result i32)))

  (memory (export "memory") 1)

  ;; Of the request: three to remove.
  (data (i32.const 0)
    "\03\00\00\00"
    "\02\00\00\00" "\07\00\00\00" "x-debug"
    "\02\00\00\00" "\0f\00\00\00" "x-internal-user"
    "\02\00\00\00" "\12\00\00\00" "x-original-user-id")

  ;; Of the reply: two to remove, three to set.
  (data (i32.const 256)
    "\05\00\00\00"
    "\02\00\00\00" "\06\00\00\00" "server"
    "\02\00\00\00" "\0c\00\00\00" "x-powered-by"
    "\00\00\00\00" "\16\00\00\00" "x-content-type-options" "\07\00\00\00" "nosniff"
    "\00\00\00\00" "\0f\00\00\00" "x-frame-options" "\04\00\00\00" "DENY"
    "\00\00\00\00" "\0f\00\00\00" "referrer-policy" "\1f\00\00\00" "strict-origin-when-cross-origin")

  (data (i32.const 512) "x-request-id")
  (data (i32.const 544) "x-correlation-id")
  ;; From 1024 on: what was read.

  (func (export "on_request_head") (result i32)
    (local $length i32)
    ;; Not 0: the manifest does not grant one of them, and then it does none. Better to fault than to say nothing.
    (if (call $edit_head (i32.const 0) (i32.const 0) (i32.const 68)) (then unreachable))
    ;; One that is longer than 256 bytes is no identifier, and was not written.
    (local.set $length
      (call $get_header (i32.const 0) (i32.const 512) (i32.const 12) (i32.const 1024) (i32.const 256)))
    (if (i32.and (i32.gt_s (local.get $length) (i32.const 0)) (i32.le_s (local.get $length) (i32.const 256)))
      (then
        (drop (call $set_header
          (i32.const 0) (i32.const 544) (i32.const 16) (i32.const 1024) (local.get $length)))))
    (i32.const 0))

  (func (export "on_response_head") (result i32)
    (if (call $edit_head (i32.const 1) (i32.const 256) (i32.const 168)) (then unreachable))
    (i32.const 0)))
