;; Wants the body in a phase that it did not set up.
;;= request-head
(i32.store8 (i32.const 1176) (i32.const 2))
(i64.store (i32.const 1184) (i64.const 1000))
