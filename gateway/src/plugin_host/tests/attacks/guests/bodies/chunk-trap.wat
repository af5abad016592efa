;; Breaks off at the first chunk.
;;= world
export weir:plugin/request-stream@0.1.0;
;;= functions
(data (i32.const 520) "\58\02\00\00\02\00\00\00")
(data (i32.const 600) "\00")
(data (i32.const 612) "\02")
(func (export "weir:plugin/request-stream@0.1.0#on-request-chunk") (param i32 i32 i32) (result i32)
  unreachable
  (i32.const 3000))
;;= request-head
(i32.store8 (i32.const 1176) (i32.const 1))
