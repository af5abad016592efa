;; Sets nine hundred attributes of four kilobytes.
;;= world
import weir:plugin/exchange@0.1.0;
;;= imports
(import "weir:plugin/exchange@0.1.0" "set-attribute" (func $set (param i32 i32 i32 i32)))
;;= functions
(global $n (mut i32) (i32.const 0))
;;= request-head
(global.set $n (i32.const 900))
(loop (i32.store8 (i32.const 5000) (i32.add (i32.const 97) (i32.and (global.get $n) (i32.const 15)))) (i32.store8 (i32.const 5001) (i32.add (i32.const 97) (i32.and (i32.shr_u (global.get $n) (i32.const 4)) (i32.const 15))))
  (memory.fill (i32.const 8192) (i32.const 97) (i32.const 4096))
  (call $set (i32.const 5000) (i32.const 2) (i32.const 8192) (i32.const 4096))
  (global.set $n (i32.sub (global.get $n) (i32.const 1))) (br_if 0 (global.get $n)))
