        ld [4]                                  ; arch
        jne #0xc000003e, kill                   ; x86_64, x32; x86_64 all, x32 all, other ABIs
        ld [0]                                  ; nr
        jge #41, L6                             ; x86_64 all, x32 all
        jge #4, errno_1                         ; x86_64 0..40
        jeq #2, errno_1, allow                  ; x86_64 0..3
L6:
        jne #41, L11                            ; x86_64 41..1073741823, 4294967295, x32 all
        ld [16]                                 ; args[0], low
        jge #0x3, L10                           ; x86_64 socket
        jeq #0x0, errno_1, allow                ; x86_64 socket
L10:
        jeq #0xa, allow, errno_1                ; x86_64 socket
L11:
        jlt #59, errno_1                        ; x86_64 42..1073741823, 4294967295, x32 all
        jne #59, L15                            ; x86_64 59..1073741823, 4294967295, x32 all
        ld [32]                                 ; args[2], low
        jset #0x80000, allow, errno_1           ; x86_64 execve
L15:
        jeq #0xffffffff, errno_1                ; x86_64 60..1073741823, 4294967295, x32 all
        jge #0x40000000, kill, errno_1          ; x86_64 60..1073741823, x32 all
allow:
        ret #0x7fff0000                         ; allow; x86_64 0..1, 3, socket, execve
errno_1:
        ret #0x50001                            ; errno(1); x86_64 2, 4..1073741823, 4294967295
kill:
        ret #0x80000000                         ; kill; x32 all, other ABIs
