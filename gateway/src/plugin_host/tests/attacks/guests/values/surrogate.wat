;; A name with half of a surrogate pair.
;;= functions
(data (i32.const 5000) "\ed\a0\80")
;;= request-head
(call $edit (i32.const 5000) (i32.const 3) (i32.const 108) (i32.const 5))
