;; Begins with a gigabyte.
;;= pages
16384
