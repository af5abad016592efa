;; Puts an answer in place that says itself how long it is.
;;= world
export weir:plugin/response-head@0.1.0;
;;= functions
(data (i32.const 520) "\58\02\00\00\01\00\00\00")
(data (i32.const 600) "\04")
(func (export "weir:plugin/response-head@0.1.0#on-response-head") (param i32 i32 i32 i32 i32) (result i32)
  (i32.store8 (i32.const 3008) (i32.const 1)) (i32.store16 (i32.const 3016) (i32.const 200)) (call $edit (i32.const 128) (i32.const 14) (i32.const 108) (i32.const 5)) (i32.store (i32.const 3020) (i32.const 2052)) (i32.store (i32.const 3024) (i32.const 1))
  (i32.const 3000))
