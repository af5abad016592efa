;; An answer that begins between two words.
;;= request-head
(return (i32.const 1025))
