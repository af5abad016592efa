;; Reads behind the end, and more than there is: it gets nothing, and no more than that.
;;= world
export weir:plugin/request-body@0.1.0;
import weir:plugin/body@0.1.0;
;;= imports
(import "weir:plugin/body@0.1.0" "read" (func $read (param i64 i32 i32)))
(import "weir:plugin/body@0.1.0" "sha256" (func $sha256 (param i32)))
;;= functions
(data (i32.const 520) "\58\02\00\00\02\00\00\00")
(data (i32.const 600) "\00")
(data (i32.const 612) "\01")
(func (export "weir:plugin/request-body@0.1.0#on-request-body") (param i32 i32 i32) (result i32)
  (call $read (i64.const -1) (i32.const -1) (i32.const 4000)) (if (i32.load (i32.const 4004)) (then unreachable))
  (call $read (i64.const 0) (i32.const -1) (i32.const 4000)) (if (i32.gt_u (i32.load (i32.const 4004)) (i32.const 1000)) (then unreachable))
  (i32.const 3000))
;;= request-head
(i32.store8 (i32.const 1176) (i32.const 2))
(i64.store (i32.const 1184) (i64.const 1000))
