;; Waits with each chunk: never long, and in all longer than its exchange may take.
;;= world
export weir:plugin/request-stream@0.1.0;
import weir:plugin/credentials@0.1.0;
;;= imports
(import "weir:plugin/credentials@0.1.0" "find" (func $find (param i32 i32 i32 i32 i32)))
;;= functions
(data (i32.const 520) "\58\02\00\00\02\00\00\00")
(data (i32.const 600) "\00")
(data (i32.const 612) "\02")
(data (i32.const 5000) "kindslow")
(func (export "weir:plugin/request-stream@0.1.0#on-request-chunk") (param i32 i32 i32) (result i32)
  (call $find (i32.const 5000) (i32.const 4) (i32.const 5004) (i32.const 4) (i32.const 6000))
  (i32.const 3000))
;;= request-head
(i32.store8 (i32.const 1176) (i32.const 1))
