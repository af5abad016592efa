;; Never says what it needs.
;;= configure
(loop (br 0))
