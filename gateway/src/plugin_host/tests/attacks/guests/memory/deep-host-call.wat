;; Calls into the gateway from ever deeper in its own stack.
;;= world
import weir:plugin/exchange@0.1.0;
;;= imports
(import "weir:plugin/exchange@0.1.0" "get-many" (func $many (param i32 i32 i32)))
;;= functions
(func $down (param i32)
  (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1)))) (else (call $many (i32.const 7000) (i32.const 16) (i32.const 6000)))))
(global $n (mut i32) (i32.const 0))
;;= request-head
(loop (global.set $n (i32.add (global.get $n) (i32.const 23))) (call $down (global.get $n)) (br 0))
