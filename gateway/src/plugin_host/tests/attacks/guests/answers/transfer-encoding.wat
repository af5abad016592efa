;; A framing that the body does not have.
;;= request-head
(call $edit (i32.const 5000) (i32.const 17) (i32.const 5100) (i32.const 7))
;;= functions
(data (i32.const 5000) "Transfer-Encoding")
(data (i32.const 5100) "chunked")
