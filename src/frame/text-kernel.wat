;; Reads small text frames that follow each other (RFC 6455 §5.2, §5.3). One call unmasks the frames and joins their texts. Then
;; text-kernel.ts decodes the joined text, and splits it into messages. scripts/kernel.js assembles this file into text-kernel-bytes.ts.
;; parser.ts handles all other frames.
(module
  ;; From 0 on: received bytes, at most 64 KiB. From 68 KiB on: text. The code reads and writes blocks of 16 bytes, so it may pass the end
  ;; of both.
  (memory (export "memory") 2)

  ;; Reads complete frames from memory[at, end), with at most 1 KiB of text in total. Each frame has the opcode Text, FIN, no reserved bits,
  ;; and at most 125 bytes of ASCII. It is masked if `mask` is 0x80, and unmasked if `mask` is 0. Any other frame ends the loop. Returns the
  ;; number of frames (up to 255) in bits 16 to 23, and the number of bytes of their text in bits 0 to 15.
  (func (export "texts") (param $at i32) (param $end i32) (param $mask i32) (result i32)
    (local $headerSize i32)
    (local $length i32)
    (local $next i32)
    (local $source i32)
    (local $target i32)
    (local $left i32)
    (local $bits i32)
    (local $high i32)
    (local $text i32)
    (local $count i32)
    (local $key v128)
    (local $block v128)
    (local.set $headerSize (i32.add (i32.const 2) (i32.shr_u (local.get $mask) (i32.const 5))))
    (block $done
      (loop $frames
        (br_if $done (i32.eq (local.get $count) (i32.const 255)))
        (local.set $source (i32.add (local.get $at) (local.get $headerSize)))
        (br_if $done (i32.gt_u (local.get $source) (local.get $end)))
        (br_if $done (i32.ne (i32.load8_u (local.get $at)) (i32.const 0x81)))
        ;; If the mask bit is wrong, this length is at least 128.
        (local.set $length (i32.xor (i32.load8_u offset=1 (local.get $at)) (local.get $mask)))
        (br_if $done (i32.gt_u (local.get $length) (i32.const 125)))
        (local.set $next (i32.add (local.get $source) (local.get $length)))
        (br_if $done (i32.gt_u (local.get $next) (local.get $end)))
        (br_if $done (i32.gt_u (i32.add (local.get $text) (local.get $length)) (i32.const 1024)))
        (local.set $key
          (i32x4.splat
            (select (i32.load offset=2 (local.get $at)) (i32.const 0) (local.get $mask))))
        (local.set $target (local.get $text))
        (local.set $left (local.get $length))
        (local.set $high (i32.const 0))
        (block $unmasked
          (loop $blocks
            (br_if $unmasked (i32.le_s (local.get $left) (i32.const 0)))
            (local.set $block (v128.xor (v128.load (local.get $source)) (local.get $key)))
            (v128.store offset=69632 (local.get $target) (local.get $block))
            ;; In ASCII, the highest bit of each byte is 0. In the last block, only the bytes of the payload are checked.
            (local.set $bits (i8x16.bitmask (local.get $block)))
            (if (i32.lt_s (local.get $left) (i32.const 16))
              (then
                (local.set $bits
                  (i32.and
                    (local.get $bits)
                    (i32.sub (i32.shl (i32.const 1) (local.get $left)) (i32.const 1))))))
            (local.set $high (i32.or (local.get $high) (local.get $bits)))
            (local.set $source (i32.add (local.get $source) (i32.const 16)))
            (local.set $target (i32.add (local.get $target) (i32.const 16)))
            (local.set $left (i32.sub (local.get $left) (i32.const 16)))
            (br $blocks)))
        (br_if $done (local.get $high))
        (local.set $text (i32.add (local.get $text) (local.get $length)))
        (local.set $count (i32.add (local.get $count) (i32.const 1)))
        (local.set $at (local.get $next))
        (br $frames)))
    (i32.or (i32.shl (local.get $count) (i32.const 16)) (local.get $text))))
