;; Counts under a new label each time, nine hundred times in a call.
;;= world
import weir:plugin/metrics@0.1.0;
;;= imports
(import "weir:plugin/metrics@0.1.0" "[constructor]counter" (func $new (param i32 i32 i32 i32) (result i32)))
(import "weir:plugin/metrics@0.1.0" "[method]counter.add" (func $add (param i32 i64 i32 i32)))
(import "weir:plugin/metrics@0.1.0" "[resource-drop]counter" (func $drop (param i32)))
;;= functions
(data (i32.const 5000) "hits")
(data (i32.const 5010) "path")
(data (i32.const 5024) "\92\13\00\00\04\00\00\00")
(data (i32.const 5040) "\c0\13\00\00\04\00\00\00")
(global $h (mut i32) (i32.const 0))
(global $n (mut i32) (i32.const 0))
(global $i (mut i32) (i32.const 0))
(func $digit (param i32 i32) (i32.store8 (i32.add (i32.const 5056) (local.get 0)) (i32.add (i32.const 97) (i32.and (i32.shr_u (global.get $n) (local.get 1)) (i32.const 15)))))
;;= request-head
(if (i32.eqz (global.get $h)) (then (global.set $h (call $new (i32.const 5000) (i32.const 4) (i32.const 5024) (i32.const 1)))))
(global.set $i (i32.const 900))
(loop (global.set $n (i32.add (global.get $n) (i32.const 1)))
  (call $digit (i32.const 0) (i32.const 0)) (call $digit (i32.const 1) (i32.const 4)) (call $digit (i32.const 2) (i32.const 8)) (call $digit (i32.const 3) (i32.const 12))
  (call $add (global.get $h) (i64.const 1) (i32.const 5040) (i32.const 1))
  (global.set $i (i32.sub (global.get $i) (i32.const 1))) (br_if 0 (global.get $i)))
