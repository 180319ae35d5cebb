/** Small modules, each about one thing that metering has to get right. Each exports `run`, from a number to some. */
export const WAT_GUESTS: Readonly<Record<string, string>> = {
  'returns from within blocks, with values left below': `(module
    (func (export "run") (param i32) (result i32)
      i32.const 11
      i32.const 22
      (loop $again (result i32)
        (block $out (result i32)
          i32.const 33
          local.get 0
          i32.eqz
          if (result i32) i32.const 44 i32.const 55 return else (i32.mul (local.get 0) (i32.const 66)) end
          local.get 0
          i32.const 7
          i32.gt_u
          br_if $out
          drop
          (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
          br $again)
        return)
      return))`,
  'several results, of functions, blocks, loops and conditions': `(module
    (func $pair (param i32) (result i32 i64)
      local.get 0
      (loop $more (param i32) (result i32)
        i32.const 3 i32.mul
        (br_if $more (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 20))))
      local.get 0 i64.extend_i32_u)
    (func (export "run") (param i32) (result i32 i64 f64)
      local.get 0
      call $pair
      local.get 0
      if (param i32 i64) (result i32 i64)
        i64.const 5 i64.add
      end
      f64.const 1.5
      local.get 0
      i32.const 9
      i32.eq
      br_if 0
      f64.const 2 f64.mul))`,
  'a table of branches in a loop, with a value': `(module
    (func (export "run") (param i32) (result i32) (local i32)
      (loop $again
        (block $c (block $b (block $a
          (local.set 0 (i32.add (local.get 0) (i32.const 1)))
          (br_table $a $b $c $again $c (i32.and (local.get 0) (i32.const 7)))
        ) (local.set 1 (i32.add (local.get 1) (i32.const 100))) (br_if $again (i32.lt_u (local.get 1) (i32.const 3000)))
        ) (local.set 1 (i32.add (local.get 1) (i32.const 10))) (local.set 0 (i32.add (local.get 0) (i32.const 1)))
          (br_if $again (i32.lt_u (local.get 1) (i32.const 1000)))
        ) (local.set 0 (i32.add (local.get 0) (i32.const 5))) (local.set 1 (i32.add (local.get 1) (i32.const 1)))
          (br_if $again (i32.lt_u (local.get 1) (i32.const 900))))
      local.get 1))`,
  'tail calls, direct and through a table': `(module
    (type $step (func (param i32 i32) (result i32)))
    (table 2 funcref) (elem (i32.const 0) $even $odd)
    (func $even (type $step) (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
      (return_call $odd (i32.sub (local.get 0) (i32.const 1)) (i32.add (local.get 1) (i32.const 3))))
    (func $odd (type $step) (local i32)
      (loop $l (br_if $l (i32.lt_u (local.tee 2 (i32.add (local.get 2) (i32.const 1))) (i32.const 3))))
      (if (i32.eqz (local.get 0)) (then (return (i32.const -1))))
      (return_call_indirect (type $step) (i32.sub (local.get 0) (i32.const 1)) (i32.mul (local.get 1) (i32.const 5)) (i32.const 0)))
    (func (export "run") (param i32) (result i32)
      (i32.add (call $even (i32.mul (local.get 0) (i32.const 5000)) (i32.const 1)) (i32.const 1))))`,
  'bulk memory and data segments': `(module
    (memory (export "memory") 1 3)
    (data $passive "some bytes that are copied") (data (i32.const 8) "active")
    (func (export "run") (param i32) (result i32)
      (memory.init $passive (i32.const 100) (i32.const 3) (local.get 0))
      (memory.fill (i32.const 200) (local.get 0) (i32.const 50))
      (memory.copy (i32.const 110) (i32.const 4) (i32.mul (local.get 0) (i32.const 2)))
      (i32.store (i32.const 300) (memory.grow (i32.rem_u (local.get 0) (i32.const 2))))
      (if (i32.gt_u (local.get 0) (i32.const 4)) (then (data.drop $passive)))
      (i32.add (memory.size) (i32.load (i32.add (i32.const 98) (local.get 0))))))`,
  'tables of functions and of references': `(module
    (type $number (func (result i32)))
    (table $functions 4 20 funcref) (table $others 2 externref)
    (elem (table $functions) (i32.const 1) func $one $two)
    (elem $later func $three $one)
    (elem declare func $two)
    (func $one (result i32) (i32.const 1)) (func $two (result i32) (i32.const 2)) (func $three (result i32) (i32.const 3))
    (func (export "run") (param i32) (result i32)
      (table.init $functions $later (i32.const 2) (i32.const 0) (i32.const 2))
      (table.copy $functions $functions (i32.const 0) (i32.const 1) (i32.const 2))
      (drop (table.grow $functions (ref.func $two) (i32.const 3)))
      (table.fill $functions (i32.const 5) (ref.func $two) (i32.const 2))
      (table.set $functions (i32.const 4) (ref.null func))
      (table.set $others (i32.const 1) (ref.null extern))
      (i32.add
        (i32.mul (table.size $functions) (ref.is_null (table.get $others (i32.const 1))))
        (call_indirect $functions (type $number) (i32.rem_u (local.get 0) (i32.const 9))))))`,
  vectors: `(module
    (memory (export "memory") 1)
    (func $twice (param v128) (result v128) (local v128)
      (local.set 1 (i32x4.add (local.get 0) (local.get 0)))
      (i8x16.shuffle 0 17 2 19 4 21 6 23 8 25 10 27 12 29 14 31 (local.get 0) (local.get 1)))
    (func (export "run") (param i32) (result i32 i64) (local v128)
      (v128.store (i32.const 16) (v128.const i32x4 1 2 3 4))
      (local.set 1 (i32x4.mul (i32x4.splat (local.get 0)) (v128.load (i32.const 16))))
      (loop $l
        (local.set 1 (call $twice (local.get 1)))
        (v128.store32_lane 2 (i32.const 32) (local.get 1))
        (local.set 1 (i32x4.add (local.get 1) (v128.load8_splat (i32.const 32))))
        (br_if $l (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 3))) (i32.const 12))))
      (i8x16.extract_lane_u 3 (local.get 1))
      (i64x2.extract_lane 1 (v128.bitselect (local.get 1) (i16x8.splat (local.get 0)) (v128.load (i32.const 16))))))`,
  'globals, and code that nothing leads to': `(module
    (global $count (mut i32) (i32.const 5)) (global $wide i64 (i64.const 7))
    (func (export "run") (param i32) (result i64)
      (block $out
        (global.set $count (i32.add (global.get $count) (local.get 0)))
        (br $out)
        (loop $never (br $never))
        (if (i32.const 1) (then (return (i64.const 1))) (else unreachable))
        (call $self (i32.const 1)) drop
        (drop (memory.grow (i32.const 1)))
        return)
      (if (i32.gt_s (global.get $count) (i32.const 60)) (then unreachable (br 0)))
      (i64.mul (i64.extend_i32_s (global.get $count)) (global.get $wide)))
    (memory 1)
    (func $self (param i32) (result i64) (i64.const 0)))`,
  'conditions without a second way, nested': `(module
    (func (export "run") (param i32) (result i32) (local i32)
      (if (i32.and (local.get 0) (i32.const 1)) (then
        (local.set 1 (i32.add (local.get 1) (i32.const 1)))
        (if (i32.and (local.get 0) (i32.const 2)) (then
          (local.set 1 (i32.add (local.get 1) (i32.const 10)))
          (block $x (br_if $x (i32.and (local.get 0) (i32.const 4))) (local.set 1 (i32.add (local.get 1) (i32.const 100))))
          (local.set 1 (i32.add (local.get 1) (i32.const 1000))))
        (else (loop $w (local.set 1 (i32.add (local.get 1) (i32.const 7))) (br_if $w (i32.lt_s (local.get 1) (i32.const 50))))))))
      (select (local.get 1) (i32.sub (i32.const 0) (local.get 1)) (local.get 0))))`,
}
