;; Puts bytes in the place of a chunk that lie outside of its memory.
;;= world
export weir:plugin/request-stream@0.1.0;
;;= functions
(data (i32.const 520) "\58\02\00\00\02\00\00\00")
(data (i32.const 600) "\00")
(data (i32.const 612) "\02")
(func (export "weir:plugin/request-stream@0.1.0#on-request-chunk") (param i32 i32 i32) (result i32)
  (i32.store8 (i32.const 3000) (i32.const 1)) (i32.store (i32.const 3004) (i32.const 0x7ffffff0)) (i32.store (i32.const 3008) (i32.const 8))
  (i32.const 3000))
;;= request-head
(i32.store8 (i32.const 1176) (i32.const 1))
