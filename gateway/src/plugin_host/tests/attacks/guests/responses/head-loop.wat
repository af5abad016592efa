;; Never comes back from the head of the answer.
;;= world
export weir:plugin/response-head@0.1.0;
;;= functions
(data (i32.const 520) "\58\02\00\00\01\00\00\00")
(data (i32.const 600) "\04")
(func (export "weir:plugin/response-head@0.1.0#on-response-head") (param i32 i32 i32 i32 i32) (result i32)
  (loop $again (br $again))
  (i32.const 3000))
