;; Loops on the fiber that a wait has put it on.
;;= world
import weir:plugin/credentials@0.1.0;
;;= imports
(import "weir:plugin/credentials@0.1.0" "find" (func $find (param i32 i32 i32 i32 i32)))
;;= functions
(data (i32.const 5000) "kindlater")
;;= request-head
(call $find (i32.const 5000) (i32.const 4) (i32.const 5004) (i32.const 5) (i32.const 6000))
(loop (br 0))
