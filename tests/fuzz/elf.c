/* SPDX-License-Identifier: MIT
 *
 * libFuzzer: the reader of ELF headers takes any file.
 */
#define _GNU_SOURCE
#include "../../shim/command/program/elf_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct elf elf;
    int fd = memfd_create("elf", 0);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    if (!elf_read(&elf, fd) || memchr(elf.interpreter, '\0', sizeof elf.interpreter) == NULL)
        abort();
    (void)elf_contains(fd, "libreuseshim 0.1.0");
    close(fd);
    return 0;
}
