;; Traps when it is asked what it is.
;;= describe
unreachable
