;; Masks 16 bytes at a time (RFC 6455 §5.3). scripts/kernel.js assembles this file into mask-kernel-bytes.ts. mask.ts has a JavaScript
;; version, which is used if the process cannot use WebAssembly.
(module
  ;; The first page (64 KiB) is for the bytes. The second page is needed because the loop may change up to 63 bytes after them.
  (memory (export "memory") 2)

  ;; Masks memory[0, length). The lowest byte of the key is for the first byte. Up to 63 bytes after `length` are changed too.
  (func (export "mask") (param $length i32) (param $key i32)
    (local $at i32)
    (local $word v128)
    (local.set $word (i32x4.splat (local.get $key)))
    (block $done
      (loop $blocks
        (br_if $done (i32.ge_u (local.get $at) (local.get $length)))
        (v128.store (local.get $at)
          (v128.xor (v128.load (local.get $at)) (local.get $word)))
        (v128.store offset=16 (local.get $at)
          (v128.xor (v128.load offset=16 (local.get $at)) (local.get $word)))
        (v128.store offset=32 (local.get $at)
          (v128.xor (v128.load offset=32 (local.get $at)) (local.get $word)))
        (v128.store offset=48 (local.get $at)
          (v128.xor (v128.load offset=48 (local.get $at)) (local.get $word)))
        (local.set $at (i32.add (local.get $at) (i32.const 64)))
        (br $blocks)))))
