;; Traps when it is configured.
;;= configure
unreachable
