;; Writes to every page that it may have, in each call.
;;= request-head
(drop (memory.grow (i32.const 1000)))
(memory.fill (i32.const 131072) (i32.const 7) (i32.const 65536000))
