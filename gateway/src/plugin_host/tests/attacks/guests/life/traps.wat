;; Traps.
;;= request-head
unreachable
