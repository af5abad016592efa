;; A name that is no UTF-8.
;;= functions
(data (i32.const 5000) "\ff\fe\c0\80")
;;= request-head
(call $edit (i32.const 5000) (i32.const 4) (i32.const 108) (i32.const 5))
