;; Can be configured, but only once.
;;= instances
per-call
;;= world
import weir:plugin/local-counters@0.1.0;
;;= imports
(import "weir:plugin/local-counters@0.1.0" "fixed-window" (func $take (param i32 i32 i64 i64 i64 i32)))
;;= configure
(call $take (i32.const 100) (i32.const 5) (i64.const 1) (i64.const 3600000) (i64.const 1) (i32.const 6000))
(if (i32.eqz (i32.load8_u (i32.const 6000))) (then unreachable))
