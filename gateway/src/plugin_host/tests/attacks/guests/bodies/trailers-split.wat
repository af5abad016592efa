;; Ends the trailers itself, and begins another request.
;;= instances
per-call
;;= world
export weir:plugin/request-trailers@0.1.0;
;;= functions
(data (i32.const 520) "\58\02\00\00\02\00\00\00")
(data (i32.const 600) "\00")
(data (i32.const 612) "\03")
(data (i32.const 4000) "a\0d\0a\0d\0aGET / HTTP/1.1\0d\0a\0d\0a")
(func (export "weir:plugin/request-trailers@0.1.0#on-request-trailers") (param i32 i32) (result i32)
  (call $edit (i32.const 100) (i32.const 5) (i32.const 4000) (i32.const 23))
  (i32.const 1040))
