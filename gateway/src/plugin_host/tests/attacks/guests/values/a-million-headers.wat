;; A list of a million edits, all there.
;;= request-head
(drop (memory.grow (i32.const 1000)))
(i32.store (i32.const 1040) (i32.const 131072)) (i32.store (i32.const 1044) (i32.const 1000000))
