;; A wish for the body of a kind that there is not.
;;= request-head
(i32.store8 (i32.const 1176) (i32.const 200))
