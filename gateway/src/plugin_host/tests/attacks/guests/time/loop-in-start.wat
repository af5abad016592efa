;; Loops before any function is called.
;;= functions
(func $begin (loop (br 0)))
(start $begin)
