        ld [4]                                  ; arch
        jne #0xc000003e, kill                   ; x86_64, x32; x86_64 all, x32 all, other ABIs
        ld [0]                                  ; nr
        jlt #2, allow                           ; x86_64 all, x32 all
        jlt #59, L10                            ; x86_64 2..1073741823, 4294967295, x32 all
        jge #60, L8                             ; x86_64 59..1073741823, 4294967295, x32 all
        ld [32]                                 ; args[2], low
        jset #0x80000, allow, errno_1           ; x86_64 execve
L8:
        jlt #0x40000000, errno_1                ; x86_64 60..1073741823, 4294967295, x32 all
        jeq #0xffffffff, errno_1, kill          ; x86_64 4294967295, x32 all
L10:
        jeq #3, allow                           ; x86_64 2..58
        jne #41, errno_1                        ; x86_64 2, 4..58
        ld [16]                                 ; args[0], low
        jge #0x3, L15                           ; x86_64 socket
        jeq #0x0, errno_1, allow                ; x86_64 socket
L15:
        jne #0xa, errno_1                       ; x86_64 socket
allow:
        ret #0x7fff0000                         ; allow; x86_64 0..1, 3, socket, execve
errno_1:
        ret #0x50001                            ; errno(1); x86_64 2, 4..1073741823, 4294967295
kill:
        ret #0x80000000                         ; kill; x32 all, other ABIs
