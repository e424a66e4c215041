/* SPDX-License-Identifier: MIT
 *
 * The first function of a program that is built here and run by libcs of any age: what a compiler adds by
 * itself (crt1.o) asks for __libc_start_main of the libc that it was made with. x86-64.
 */
__asm__(".globl _start\n"
        "_start:\n"
        "    xor %ebp, %ebp\n"
        "    mov (%rsp), %edi\n"
        "    lea 8(%rsp), %rsi\n"
        "    and $-16, %rsp\n"
        "    call main\n"
        "    mov %eax, %edi\n"
        "    call exit\n");
