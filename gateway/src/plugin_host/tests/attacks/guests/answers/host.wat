;; Another host, past the change of target.
;;= request-head
(call $edit (i32.const 5000) (i32.const 4) (i32.const 5100) (i32.const 5))
;;= functions
(data (i32.const 5000) "host")
(data (i32.const 5100) "other")
