;; Fills all of its memory, again and again; one fill cannot be interrupted.
;;= request-head
(drop (memory.grow (i32.const 1000)))
(loop (memory.fill (i32.const 131072) (i32.const 7) (i32.const 65536000)) (br 0))
