;; Leaves more behind than it may.
;;= request-head
(i32.store8 (i32.const 1204) (i32.const 1)) (i32.store (i32.const 1212) (i32.const 5000))
