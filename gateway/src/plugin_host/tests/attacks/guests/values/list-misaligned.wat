;; A list that begins between two words.
;;= request-head
(i32.store (i32.const 1040) (i32.const 2049)) (i32.store (i32.const 1044) (i32.const 1))
