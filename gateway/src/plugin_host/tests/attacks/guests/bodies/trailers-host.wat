;; Says in a trailer which host was meant.
;;= instances
per-call
;;= world
export weir:plugin/request-trailers@0.1.0;
;;= functions
(data (i32.const 520) "\58\02\00\00\02\00\00\00")
(data (i32.const 600) "\00")
(data (i32.const 612) "\03")
(data (i32.const 4000) "host")
(func (export "weir:plugin/request-trailers@0.1.0#on-request-trailers") (param i32 i32) (result i32)
  (call $edit (i32.const 4000) (i32.const 4) (i32.const 108) (i32.const 5))
  (i32.const 1040))
