;; Code whose time doubles with each step, as a bad pattern makes it.
;;= request-head
(drop (call $fib (i32.const 60)))
;;= functions
(func $fib (param i32) (result i32)
  (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (i32.const 1))
    (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1))) (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
