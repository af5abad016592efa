;; The same on the smaller stack of a fiber.
;;= world
import weir:plugin/exchange@0.1.0;
import weir:plugin/credentials@0.1.0;
;;= imports
(import "weir:plugin/exchange@0.1.0" "get-many" (func $many (param i32 i32 i32)))
(import "weir:plugin/credentials@0.1.0" "find" (func $find (param i32 i32 i32 i32 i32)))
;;= functions
(data (i32.const 5000) "kindlater")
(func $down (param i32)
  (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1)))) (else (call $many (i32.const 7000) (i32.const 16) (i32.const 6000)))))
(global $n (mut i32) (i32.const 0))
;;= request-head
(call $find (i32.const 5000) (i32.const 4) (i32.const 5004) (i32.const 5) (i32.const 6000))
(loop (global.set $n (i32.add (global.get $n) (i32.const 23))) (call $down (global.get $n)) (br 0))
