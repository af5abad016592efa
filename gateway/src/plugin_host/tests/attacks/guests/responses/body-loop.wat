;; Never comes back from the body.
;;= world
export weir:plugin/response-head@0.1.0;
export weir:plugin/response-body@0.1.0;
;;= functions
(data (i32.const 520) "\58\02\00\00\02\00\00\00")
(data (i32.const 600) "\04")
(data (i32.const 612) "\05")
(func (export "weir:plugin/response-head@0.1.0#on-response-head") (param i32 i32 i32 i32 i32) (result i32)
  (memory.fill (i32.const 3000) (i32.const 0) (i32.const 64)) (i32.store8 (i32.const 3032) (i32.const 2)) (i64.store (i32.const 3040) (i64.const 4000))
  (i32.const 3000))
(func (export "weir:plugin/response-body@0.1.0#on-response-body") (param i32 i32 i32) (result i32)
  (memory.fill (i32.const 3000) (i32.const 0) (i32.const 64)) (loop $again (br $again))
  (i32.const 3000))
