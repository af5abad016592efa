;; Copies half of its memory over the other half, again and again.
;;= request-head
(drop (memory.grow (i32.const 1000)))
(loop (memory.copy (i32.const 131072) (i32.const 32899072) (i32.const 32768000)) (br 0))
