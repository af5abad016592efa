;; A value of a gigabyte, which its memory does not have.
;;= request-head
(call $edit (i32.const 100) (i32.const 5) (i32.const 0) (i32.const 0x3fffffff))
