;; A name that would begin a second header.
;;= request-head
(call $edit (i32.const 5000) (i32.const 8) (i32.const 5100) (i32.const 5))
;;= functions
(data (i32.const 5000) "x-a\0d\0ax-b")
(data (i32.const 5100) "value")
