;; Headers that the next hop would drop.
;;= request-head
(call $edit (i32.const 5000) (i32.const 10) (i32.const 5100) (i32.const 9))
;;= functions
(data (i32.const 5000) "connection")
(data (i32.const 5100) "x-api-key")
