;; A verdict of a kind that there is not.
;;= request-head
(i32.store8 (i32.const 1032) (i32.const 9))
