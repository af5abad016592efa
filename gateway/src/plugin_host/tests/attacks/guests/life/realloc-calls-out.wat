;; Calls into the gateway while the gateway hands it a value.
;;= world
import weir:plugin/exchange@0.1.0;
;;= imports
(import "weir:plugin/exchange@0.1.0" "budget-left" (func $left (result i64)))
;;= functions
(global $configured (mut i32) (i32.const 0))
(data (i32.const 604) "\80\02\00\00\01\00\00\00")
;;= configure
(global.set $configured (i32.const 1))
;;= realloc
(if (global.get $configured) (then (drop (call $left))))
