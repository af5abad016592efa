;; Has the gateway write outside of its memory.
;;= functions
(global $configured (mut i32) (i32.const 0))
(data (i32.const 604) "\80\02\00\00\01\00\00\00")
;;= configure
(global.set $configured (i32.const 1))
;;= realloc
(if (global.get $configured) (then (return (i32.const 0x7ffffff0))))
