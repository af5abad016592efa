;; A value that would begin a second header.
;;= request-head
(call $edit (i32.const 100) (i32.const 5) (i32.const 116) (i32.const 7))
