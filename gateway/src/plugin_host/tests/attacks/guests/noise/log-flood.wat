;; Logs eight kilobytes, nine hundred times in a call.
;;= world
import weir:plugin/logging@0.1.0;
;;= imports
(import "weir:plugin/logging@0.1.0" "log" (func $log (param i32 i32 i32 i32 i32)))
;;= functions
(global $n (mut i32) (i32.const 0))
;;= request-head
(global.set $n (i32.const 900))
(loop (call $log (i32.const 4) (i32.const 8192) (i32.const 8192) (i32.const 0) (i32.const 0))
  (global.set $n (i32.sub (global.get $n) (i32.const 1))) (br_if 0 (global.get $n)))
