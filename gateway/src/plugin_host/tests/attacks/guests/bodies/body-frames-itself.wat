;; Says itself how long the body is.
;;= instances
per-call
;;= world
export weir:plugin/request-body@0.1.0;
;;= functions
(data (i32.const 520) "\58\02\00\00\02\00\00\00")
(data (i32.const 600) "\00")
(data (i32.const 612) "\01")
(func (export "weir:plugin/request-body@0.1.0#on-request-body") (param i32 i32 i32) (result i32)
  (call $edit (i32.const 128) (i32.const 14) (i32.const 108) (i32.const 5)) (i32.store (i32.const 3008) (i32.const 2048)) (i32.store (i32.const 3012) (i32.const 1))
  (i32.const 3000))
;;= request-head
(i32.store8 (i32.const 1176) (i32.const 2))
(i64.store (i32.const 1184) (i64.const 1000))
