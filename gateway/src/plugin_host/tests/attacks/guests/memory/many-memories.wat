;; Has five memories.
;;= functions
(memory 1) (memory 1) (memory 1) (memory 1)
