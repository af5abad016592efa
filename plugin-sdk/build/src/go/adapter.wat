;; What a Go program finds where it expects an operating system (WASI preview 1): a clock, randomness, and
;; otherwise nothing: no arguments, no environment, no files, and output that goes nowhere. It is made of
;; imports of the contract alone, so that the gateway has no WASI to offer.
(module
  (import "env" "memory" (memory 0))
  (import "weir:plugin/clock@0.1.0" "now-unix-ns" (func $now_unix_ns (result i64)))
  (import "weir:plugin/clock@0.1.0" "monotonic-ns" (func $monotonic_ns (result i64)))
  (import "weir:plugin/random@0.1.0" "bytes" (func $random_bytes (param i32 i32)))

  ;; Not 0 while the gateway passes values in: a component may not call out then. The clock stands still.
  (global $held (mut i32) (i32.const 0))
  (global $wall (mut i64) (i64.const 0))
  (global $monotonic (mut i64) (i64.const 0))
  ;; What was slept through. Nothing else can happen meanwhile, so no time has to pass.
  (global $skipped (mut i64) (i64.const 0))
  ;; Memory for the answer of $random_bytes; 0 until the program is initialised.
  (global $scratch (mut i32) (i32.const 0))
  ;; Where the bytes of $random_bytes go.
  (global $destination (mut i32) (i32.const 0))

  (func (export "weir_hold") (param $held i32)
    (global.set $held (local.get $held)))

  (func (export "weir_scratch") (param $at i32)
    (global.set $scratch (local.get $at)))

  (func (export "cabi_import_realloc") (param i32 i32 i32 i32) (result i32)
    (global.get $destination))

  (func (export "clock_time_get") (param $id i32) (param $precision i64) (param $at i32) (result i32)
    (if (i32.eqz (local.get $id))
      (then
        (if (i32.eqz (global.get $held))
          (then (global.set $wall (call $now_unix_ns))))
        (i64.store (local.get $at) (global.get $wall)))
      (else
        (if (i32.eqz (global.get $held))
          (then (global.set $monotonic (i64.add (call $monotonic_ns) (global.get $skipped)))))
        (i64.store (local.get $at) (global.get $monotonic))))
    (i32.const 0))

  ;; Until the program is initialised it wants seeds for hash tables. They come from the clock, which
  ;; needs no grant; what comes later may be keys, and is asked from `random`, which says so if the
  ;; plugin has not asked for it.
  (func (export "random_get") (param $at i32) (param $length i32) (result i32)
    (local $state i64) (local $bits i64) (local $end i32)
    (if (global.get $scratch)
      (then
        (global.set $destination (local.get $at))
        (call $random_bytes (local.get $length) (global.get $scratch))
        (return (i32.const 0))))
    (local.set $state (i64.xor (call $now_unix_ns) (i64.rotl (call $monotonic_ns) (i64.const 32))))
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (loop $more
      (if (i32.lt_u (local.get $at) (local.get $end))
        (then
          ;; splitmix64
          (local.set $state (i64.add (local.get $state) (i64.const 0x9e3779b97f4a7c15)))
          (local.set $bits (i64.mul
            (i64.xor (local.get $state) (i64.shr_u (local.get $state) (i64.const 30)))
            (i64.const 0xbf58476d1ce4e5b9)))
          (local.set $bits (i64.mul
            (i64.xor (local.get $bits) (i64.shr_u (local.get $bits) (i64.const 27)))
            (i64.const 0x94d049bb133111eb)))
          (i32.store8 (local.get $at) (i32.wrap_i64 (i64.shr_u (local.get $bits) (i64.const 31))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $more))))
    (i32.const 0))

  ;; The first subscription is a clock wherever Go sleeps: it comes true at once.
  (func (export "poll_oneoff") (param $in i32) (param $out i32) (param $count i32) (param $events i32) (result i32)
    (global.set $skipped (i64.add (global.get $skipped) (i64.load offset=24 (local.get $in))))
    (i64.store (local.get $out) (i64.load (local.get $in)))
    (i64.store offset=8 (local.get $out) (i64.const 0))
    (i32.store (local.get $events) (i32.const 1))
    (i32.const 0))

  (func (export "fd_write") (param $file i32) (param $parts i32) (param $count i32) (param $written i32) (result i32)
    (local $total i32)
    (loop $more
      (if (local.get $count)
        (then
          (local.set $total (i32.add (local.get $total) (i32.load offset=4 (local.get $parts))))
          (local.set $parts (i32.add (local.get $parts) (i32.const 8)))
          (local.set $count (i32.sub (local.get $count) (i32.const 1)))
          (br $more))))
    (i32.store (local.get $written) (local.get $total))
    (i32.const 0))

  (func $nothing (param $count i32) (param $bytes i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $bytes) (i32.const 0))
    (i32.const 0))
  (export "args_sizes_get" (func $nothing))
  (export "environ_sizes_get" (func $nothing))

  (func $none (param i32 i32) (result i32) (i32.const 0))
  (export "args_get" (func $none))
  (export "environ_get" (func $none))

  (func (export "sched_yield") (result i32) (i32.const 0))
  (func (export "proc_exit") (param i32) unreachable)
;; Whatever else the program imports says that there is no such file:
)
