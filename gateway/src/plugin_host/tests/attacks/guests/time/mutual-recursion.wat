;; Two functions that call each other.
;;= request-head
(call $a)
;;= functions
(func $a (call $b))
(func $b (call $a))
