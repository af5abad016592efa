;; Wants chunks in a phase that it did not set up.
;;= request-head
(i32.store8 (i32.const 1176) (i32.const 1))
