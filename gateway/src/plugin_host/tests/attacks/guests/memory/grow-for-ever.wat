;; Asks for memory, whether or not it gets it.
;;= request-head
(loop (drop (memory.grow (i32.const 1))) (br 0))
