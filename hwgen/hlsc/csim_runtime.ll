; SPDX-License-Identifier: Apache-2.0
; What stands for hls::stream in C simulation; `csim_text` puts it behind a process's module, `csim_worker` runs it.

; A stream: where the next word is read, where the words end, the same for writing, and what went wrong (0: nothing).
; Status 1 is a read of an empty stream, 2 a write to an input, 3 an output without end; `Stream` of csim_worker has
; the same fields.
%hwgen.stream = type { ptr, ptr, ptr, ptr, i64 }

; A read of an empty stream ends the call of the process that is under way, wherever it is: `hwgen.call` returns.
; The 1024 bytes are more than any jmp_buf has.
@hwgen.leave = internal global [1024 x i8] zeroinitializer, align 16
declare i32 @_setjmp(ptr) returns_twice
declare void @longjmp(ptr, i32) noreturn

; Set from outside: what makes room behind a full output, and how non-blocking reads are answered.
@hwgen.grow = global ptr null, align 8
@hwgen.random = global i32 0, align 4
@hwgen.likely = global i32 256, align 4

; How often, one after the other, non-blocking reads found only streams without words.
@hwgen.idle = internal global i32 0, align 4

define internal void @hwgen.dry(ptr %s) cold noreturn {
  %status = getelementptr %hwgen.stream, ptr %s, i64 0, i32 4
  store i64 1, ptr %status, align 8
  call void @longjmp(ptr @hwgen.leave, i32 1)
  unreachable
}

; Whether a non-blocking read finds a word: where there is one, in `hwgen.likely` of 256 cases.
define internal zeroext i1 @hwgen_stream_waits(ptr %s) alwaysinline {
  %end.at = getelementptr %hwgen.stream, ptr %s, i64 0, i32 1
  %cursor = load ptr, ptr %s, align 8
  %end = load ptr, ptr %end.at, align 8
  %empty = icmp eq ptr %cursor, %end
  br i1 %empty, label %nothing, label %draw
nothing:
  %before = load i32, ptr @hwgen.idle, align 4
  %idle = add i32 %before, 1
  store i32 %idle, ptr @hwgen.idle, align 4
  %over = icmp ugt i32 %idle, 4194304
  br i1 %over, label %dry, label %no
dry:
  call void @hwgen.dry(ptr %s)
  unreachable
no:
  ret i1 false
draw:
  %seed = load i32, ptr @hwgen.random, align 4
  %times = mul i32 %seed, 1664525
  %next = add i32 %times, 1013904223
  store i32 %next, ptr @hwgen.random, align 4
  %drawn = lshr i32 %next, 24
  %likely = load i32, ptr @hwgen.likely, align 4
  %there = icmp ult i32 %drawn, %likely
  ret i1 %there
}

; Where the next word is that a read takes.
define internal ptr @hwgen.pop(ptr %s, i64 %size) alwaysinline {
  %end.at = getelementptr %hwgen.stream, ptr %s, i64 0, i32 1
  %cursor = load ptr, ptr %s, align 8
  %end = load ptr, ptr %end.at, align 8
  %empty = icmp eq ptr %cursor, %end
  br i1 %empty, label %dry, label %good, !prof !{!"branch_weights", i32 1, i32 100000}
dry:
  call void @hwgen.dry(ptr %s)
  unreachable
good:
  %next = getelementptr i8, ptr %cursor, i64 %size
  store ptr %next, ptr %s, align 8
  store i32 0, ptr @hwgen.idle, align 4
  ret ptr %cursor
}

; Where the next word goes that is written.
define internal ptr @hwgen.push(ptr %s, i64 %size) alwaysinline {
  %at = getelementptr %hwgen.stream, ptr %s, i64 0, i32 2
  %end.at = getelementptr %hwgen.stream, ptr %s, i64 0, i32 3
  %cursor = load ptr, ptr %at, align 8
  %end = load ptr, ptr %end.at, align 8
  %full = icmp eq ptr %cursor, %end
  br i1 %full, label %grow, label %good, !prof !{!"branch_weights", i32 1, i32 100000}
grow:
  %more = load ptr, ptr @hwgen.grow, align 8
  call void %more(ptr %s)
  %status.at = getelementptr %hwgen.stream, ptr %s, i64 0, i32 4
  %status = load i64, ptr %status.at, align 8
  %endless = icmp eq i64 %status, 3
  br i1 %endless, label %leave, label %good
leave:
  call void @longjmp(ptr @hwgen.leave, i32 1)
  unreachable
good:
  %place = load ptr, ptr %at, align 8
  %next = getelementptr i8, ptr %place, i64 %size
  store ptr %next, ptr %at, align 8
  ret ptr %place
}
