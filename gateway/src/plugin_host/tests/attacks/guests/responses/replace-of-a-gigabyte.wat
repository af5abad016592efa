;; Puts an answer of a gigabyte in place.
;;= world
export weir:plugin/response-head@0.1.0;
;;= functions
(data (i32.const 520) "\58\02\00\00\01\00\00\00")
(data (i32.const 600) "\04")
(func (export "weir:plugin/response-head@0.1.0#on-response-head") (param i32 i32 i32 i32 i32) (result i32)
  (i32.store8 (i32.const 3008) (i32.const 1)) (i32.store16 (i32.const 3016) (i32.const 200)) (i32.store8 (i32.const 3028) (i32.const 1)) (i32.store (i32.const 3036) (i32.const 0x40000000))
  (i32.const 3000))
