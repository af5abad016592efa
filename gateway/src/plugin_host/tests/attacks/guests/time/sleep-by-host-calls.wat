;; Waits for a time that is far off by asking for the time.
;;= world
import weir:plugin/clock@0.1.0;
;;= imports
(import "weir:plugin/clock@0.1.0" "monotonic-ns" (func $now (result i64)))
;;= request-head
(loop (br_if 0 (i64.lt_u (call $now) (i64.const 0x7fffffffffffffff))))
