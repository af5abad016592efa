;; Another protocol.
;;= request-head
(call $edit (i32.const 5000) (i32.const 7) (i32.const 5100) (i32.const 3))
;;= functions
(data (i32.const 5000) "upgrade")
(data (i32.const 5100) "h2c")
