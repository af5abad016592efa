;; An answer that lies outside of its memory.
;;= request-head
(return (i32.const 0x7ffffff8))
