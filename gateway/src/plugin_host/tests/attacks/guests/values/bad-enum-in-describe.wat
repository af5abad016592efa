;; A policy for instances that there is not.
;;= functions
(data (i32.const 296) "\09")
