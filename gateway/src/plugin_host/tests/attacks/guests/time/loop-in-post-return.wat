;; Loops once its answer has been read.
;;= functions
(func (export "cabi_post_weir:plugin/request-head@0.1.0#on-request-head") (param i32) (loop (br 0)))
