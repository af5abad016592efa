;; Answers with edits that lie outside of its memory.
;;= instances
per-call
;;= world
export weir:plugin/request-trailers@0.1.0;
;;= functions
(data (i32.const 520) "\58\02\00\00\02\00\00\00")
(data (i32.const 600) "\00")
(data (i32.const 612) "\03")
(func (export "weir:plugin/request-trailers@0.1.0#on-request-trailers") (param i32 i32) (result i32)
  (return (i32.const 0x7ffffff8))
  (i32.const 1040))
