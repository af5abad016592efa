;; A path that some would take for a host: it stays a path.
;;= request-head
(i32.store8 (i32.const 1048) (i32.const 1)) (i32.store8 (i32.const 1076) (i32.const 1)) (i32.store (i32.const 1080) (i32.const 5000)) (i32.store (i32.const 1084) (i32.const 8))
;;= functions
(data (i32.const 5000) "//other/")
