;; Another framing of the answer.
;;= world
export weir:plugin/response-head@0.1.0;
;;= functions
(data (i32.const 520) "\58\02\00\00\01\00\00\00")
(data (i32.const 600) "\04")
(data (i32.const 5000) "transfer-encoding")
(data (i32.const 5100) "chunked")
(func (export "weir:plugin/response-head@0.1.0#on-response-head") (param i32 i32 i32 i32 i32) (result i32)
  (call $edit (i32.const 5000) (i32.const 17) (i32.const 5100) (i32.const 7)) (i32.store (i32.const 3020) (i32.const 2048)) (i32.store (i32.const 3024) (i32.const 1))
  (i32.const 3000))
