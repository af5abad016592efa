;; Makes a handle up.
;;= world
import weir:plugin/metrics@0.1.0;
;;= imports
(import "weir:plugin/metrics@0.1.0" "[constructor]counter" (func $new (param i32 i32 i32 i32) (result i32)))
(import "weir:plugin/metrics@0.1.0" "[method]counter.add" (func $add (param i32 i64 i32 i32)))
(import "weir:plugin/metrics@0.1.0" "[resource-drop]counter" (func $drop (param i32)))
;;= functions
(data (i32.const 5000) "hits")
(global $h (mut i32) (i32.const 0))
;;= request-head
(global.set $h (i32.const 12345)) (call $add (global.get $h) (i64.const 1) (i32.const 0) (i32.const 0))
