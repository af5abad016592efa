;; A list of edits that lies outside of its memory.
;;= instances
per-call
;;= world
export weir:plugin/response-head@0.1.0;
export weir:plugin/response-trailers@0.1.0;
;;= functions
(data (i32.const 520) "\58\02\00\00\01\00\00\00")
(data (i32.const 600) "\07")
(func (export "weir:plugin/response-head@0.1.0#on-response-head") (param i32 i32 i32 i32 i32) (result i32)
  
  (i32.const 3000))
(func (export "weir:plugin/response-trailers@0.1.0#on-response-trailers") (param i32 i32) (result i32)
  (i32.store (i32.const 1040) (i32.const 0x7ffffff0)) (i32.store (i32.const 1044) (i32.const 8))
  (i32.const 1040))
