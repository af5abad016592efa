;; More edits than a message has headers.
;;= request-head
(drop (memory.grow (i32.const 8)))
(i32.store (i32.const 1040) (i32.const 131072)) (i32.store (i32.const 1044) (i32.const 10000))
