;; An answer of its own with the status 65535.
;;= request-head
(i32.store8 (i32.const 1032) (i32.const 1)) (i64.store (i32.const 1040) (i64.const 65535))
