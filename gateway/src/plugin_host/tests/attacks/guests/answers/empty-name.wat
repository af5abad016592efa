;; A name without a letter.
;;= request-head
(call $edit (i32.const 5000) (i32.const 0) (i32.const 5100) (i32.const 5))
;;= functions
(data (i32.const 5000) "")
(data (i32.const 5100) "value")
