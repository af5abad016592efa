;; Drops in the destructor what is being dropped.
;;= world
export things: interface { resource thing; }
;;= imports
(import "[export]things" "[resource-new]thing" (func $new (param i32) (result i32)))
(import "[export]things" "[resource-drop]thing" (func $drop (param i32)))
;;= functions
(func (export "things#[dtor]thing") (param i32) (call $drop (global.get $h)))
(global $h (mut i32) (i32.const 0))
;;= request-head
(global.set $h (call $new (i32.const 1))) (call $drop (global.get $h))
