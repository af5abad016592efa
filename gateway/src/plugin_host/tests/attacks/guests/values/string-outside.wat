;; A value that begins outside of its memory.
;;= request-head
(call $edit (i32.const 100) (i32.const 5) (i32.const 0x7fffffff) (i32.const 5))
