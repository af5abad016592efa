;; An edit of a kind that there is not.
;;= request-head
(call $edit (i32.const 100) (i32.const 5) (i32.const 108) (i32.const 5)) (i32.store8 (i32.const 2048) (i32.const 77))
