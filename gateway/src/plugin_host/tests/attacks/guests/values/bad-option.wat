;; An option that is neither there nor absent.
;;= request-head
(i32.store8 (i32.const 1048) (i32.const 3))
