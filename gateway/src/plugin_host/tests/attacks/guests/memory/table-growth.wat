;; Grows a table until it is refused.
;;= functions
(table $t 1 funcref)
;;= request-head
(loop (br_if 0 (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)))) unreachable
