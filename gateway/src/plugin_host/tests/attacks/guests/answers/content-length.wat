;; A length that the body does not have.
;;= request-head
(call $edit (i32.const 5000) (i32.const 14) (i32.const 5100) (i32.const 1))
;;= functions
(data (i32.const 5000) "content-length")
(data (i32.const 5100) "1")
