;; A loop that does nothing.
;;= request-head
(loop (br 0))
