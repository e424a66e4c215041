/* SPDX-License-Identifier: MIT
 *
 * Is a pointer of the host program's good to read? A wild one must get its EFAULT from the real call, not a
 * SIGSEGV from us, and yet a bind that no rule is about shall cost no system call. Async-signal-safe.
 */
#ifndef REUSESHIM_MEMORY_H
#define REUSESHIM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory that is there for as long as the process: no need to ask. */
struct lasting_memory {
    uintptr_t stack_end;            /* of the main thread; 0 where not known */
    uintptr_t data_start, data_end; /* .data and .bss of the executable */
};

/* The kernel puts the environment at the top of the main thread's stack, and leaves at least 128 MiB between
 * that stack and the mappings below it (mmap_base, arch/x86/mm/mmap.c). Called on that stack, this finds its
 * end. */
uintptr_t memory_stack_end(char *const *environment);
/* Fills in data_start and data_end from the program headers (AT_PHDR). */
void memory_find_data(struct lasting_memory *memory);

/* `size` is at most a page. */
bool memory_readable(const struct lasting_memory *memory, const void *address, size_t size);

#endif
