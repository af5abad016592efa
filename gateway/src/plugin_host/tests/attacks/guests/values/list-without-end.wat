;; A list of four billion elements.
;;= request-head
(i32.store (i32.const 1040) (i32.const 4096)) (i32.store (i32.const 1044) (i32.const -1))
