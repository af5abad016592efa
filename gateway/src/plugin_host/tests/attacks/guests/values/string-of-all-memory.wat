;; A value as large as its memory, which the gateway would have to copy.
;;= request-head
(drop (memory.grow (i32.const 1000)))
(call $edit (i32.const 100) (i32.const 5) (i32.const 0) (i32.const 65536000))
