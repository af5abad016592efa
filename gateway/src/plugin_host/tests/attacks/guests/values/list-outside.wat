;; A list that lies outside of its memory.
;;= request-head
(i32.store (i32.const 1040) (i32.const 0x7ffffff0)) (i32.store (i32.const 1044) (i32.const 1))
