;; A name of the framing of HTTP/2.
;;= request-head
(call $edit (i32.const 5000) (i32.const 5) (i32.const 5100) (i32.const 1))
;;= functions
(data (i32.const 5000) ":path")
(data (i32.const 5100) "/")
