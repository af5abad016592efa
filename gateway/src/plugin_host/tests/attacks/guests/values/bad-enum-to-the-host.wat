;; A level of logging that there is not.
;;= world
import weir:plugin/logging@0.1.0;
;;= imports
(import "weir:plugin/logging@0.1.0" "enabled" (func $on (param i32) (result i32)))
;;= request-head
(drop (call $on (i32.const 17)))
