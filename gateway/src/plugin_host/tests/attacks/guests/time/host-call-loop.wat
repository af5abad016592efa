;; A cheap call into the gateway, again and again.
;;= world
import weir:plugin/exchange@0.1.0;
;;= imports
(import "weir:plugin/exchange@0.1.0" "budget-left" (func $left (result i64)))
;;= request-head
(loop (drop (call $left)) (br 0))
