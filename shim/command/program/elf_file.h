/* SPDX-License-Identifier: MIT
 *
 * What the dynamic loader will make of a file.
 */
#ifndef REUSESHIM_COMMAND_ELF_FILE_H
#define REUSESHIM_COMMAND_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf {
    bool is_elf;
    const char *damage; /* a sentence about what is wrong with an ELF file, where the kernel will not run it;
                         * else NULL */
    int bits;           /* 32 or 64 */
    bool other_byte_order;
    uint16_t machine;       /* EM_* */
    bool is_executable;     /* ET_EXEC or ET_DYN */
    char interpreter[4096]; /* the dynamic loader; "" in a static program */
    bool is_dynamic;        /* has what a dynamic loader works on */
    bool is_go;             /* made by Go, which calls the kernel itself */
};

/* Reads the headers; false with errno if the file cannot be read. A file that begins as ELF is one, however
 * damaged. Files of the other byte order are not looked into. */
bool elf_read(struct elf *elf, int fd);

/* Does the file contain this string, with its NUL? */
bool elf_contains(int fd, const char *string);

#endif
