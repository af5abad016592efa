;; More edits than a head has room for.
;;= pages
6
;;= world
export weir:plugin/response-head@0.1.0;
;;= functions
(data (i32.const 520) "\58\02\00\00\01\00\00\00")
(data (i32.const 600) "\04")
(func (export "weir:plugin/response-head@0.1.0#on-response-head") (param i32 i32 i32 i32 i32) (result i32)
  (call $edit (i32.const 100) (i32.const 5) (i32.const 108) (i32.const 5)) (memory.copy (i32.const 131072) (i32.const 2048) (i32.const 20)) (memory.copy (i32.const 131092) (i32.const 131072) (i32.const 199980)) (i32.store (i32.const 3020) (i32.const 131072)) (i32.store (i32.const 3024) (i32.const 10000))
  (i32.const 3000))
