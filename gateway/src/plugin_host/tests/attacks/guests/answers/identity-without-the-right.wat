;; Names a caller, though it does not authenticate.
;;= request-head
(i32.store8 (i32.const 1124) (i32.const 1))
