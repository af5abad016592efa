;; Has more memories than an instance has room for.
;;= functions
(memory 1) (memory 1)
