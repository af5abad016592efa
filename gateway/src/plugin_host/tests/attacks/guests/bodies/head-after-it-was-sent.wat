;; Wants to change the exchange when its head is on the way: there is none to be had any more.
;;= world
export weir:plugin/request-stream@0.1.0;
import weir:plugin/exchange@0.1.0;
;;= imports
(import "weir:plugin/exchange@0.1.0" "attribute" (func $attribute (param i32 i32 i32)))
(import "weir:plugin/exchange@0.1.0" "set-attribute" (func $set (param i32 i32 i32 i32)))
;;= functions
(data (i32.const 520) "\58\02\00\00\02\00\00\00")
(data (i32.const 600) "\00")
(data (i32.const 612) "\02")
(func (export "weir:plugin/request-stream@0.1.0#on-request-chunk") (param i32 i32 i32) (result i32)
  (call $attribute (i32.const 64) (i32.const 1) (i32.const 3400)) (if (i32.load8_u (i32.const 3400)) (then unreachable))
  (call $set (i32.const 64) (i32.const 1) (i32.const 72) (i32.const 5))
  (call $attribute (i32.const 64) (i32.const 1) (i32.const 3400)) (if (i32.load8_u (i32.const 3400)) (then unreachable))
  (i32.const 3000))
;;= request-head
(call $set (i32.const 64) (i32.const 1) (i32.const 108) (i32.const 5))
(i32.store8 (i32.const 1176) (i32.const 1))
