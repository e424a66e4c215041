/* SPDX-License-Identifier: MIT
 *
 * Is a pointer of the host program's good to read? Contract in memory.h.
 */
#include "reuseshim/memory.h"

#include "reuseshim/raw.h"

#include <elf.h>
#include <sys/auxv.h>

#pragma weak getauxval

#if UINTPTR_MAX > UINT32_MAX
typedef Elf64_Phdr program_header;
#else
typedef Elf32_Phdr program_header;
#endif

enum { STACK_SPAN_MAX = 64 << 20 };

uintptr_t memory_stack_end(char *const *environment)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0), end = (uintptr_t)environment;
    return end > here && end - here < STACK_SPAN_MAX ? end : 0;
}

void memory_find_data(struct lasting_memory *memory)
{
    const program_header *headers = getauxval ? (const program_header *)getauxval(AT_PHDR) : NULL;
    unsigned long count = headers ? getauxval(AT_PHNUM) : 0;
    uintptr_t bias = 0;
    bool placed = false;
    for (unsigned long i = 0; i < count; i++) {
        if (headers[i].p_type == PT_PHDR) {
            bias = (uintptr_t)headers - headers[i].p_vaddr;
            placed = true;
        }
        if (placed && headers[i].p_type == PT_LOAD && headers[i].p_flags & PF_W) {
            memory->data_start = bias + headers[i].p_vaddr;
            memory->data_end = memory->data_start + headers[i].p_memsz;
        }
    }
}

bool memory_readable(const struct lasting_memory *memory, const void *address, size_t size)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0), start = (uintptr_t)address, end = start + size;
    if (end < start)
        return false;
    bool on_main_stack = here < memory->stack_end && memory->stack_end - here < STACK_SPAN_MAX;
    if (on_main_stack && here <= start && end <= memory->stack_end)
        return true;
    if (memory->data_start <= start && end <= memory->data_end)
        return true;
    return raw_readable(address, size);
}
