;; A result that is neither.
;;= request-head
(i32.store8 (i32.const 1024) (i32.const 7))
