;; A value that a string of C would end.
;;= request-head
(call $edit (i32.const 5000) (i32.const 3) (i32.const 5100) (i32.const 3))
;;= functions
(data (i32.const 5000) "x-a")
(data (i32.const 5100) "a\00b")
