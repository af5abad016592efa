;; Traps while a resource of its own is dropped.
;;= world
export things: interface { resource thing; }
;;= imports
(import "[export]things" "[resource-new]thing" (func $new (param i32) (result i32)))
(import "[export]things" "[resource-drop]thing" (func $drop (param i32)))
;;= functions
(func (export "things#[dtor]thing") (param i32) unreachable)
;;= request-head
(call $drop (call $new (i32.const 1)))
