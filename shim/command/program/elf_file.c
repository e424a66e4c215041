/* SPDX-License-Identifier: MIT
 *
 * ELF headers, elf(5). Contract in elf_file.h. Nothing in the file is trusted: each offset is read with
 * pread(2), which fails behind the end.
 */
#include "elf_file.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A program header of either class. */
struct segment {
    uint32_t type;
    uint64_t offset, size;
};

static bool read_at(int fd, void *buffer, size_t size, uint64_t offset)
{
    return offset < INT64_MAX && pread(fd, buffer, size, (off_t)offset) == (ssize_t)size;
}

static bool read_segment(int fd, int bits, uint64_t offset, struct segment *segment)
{
    Elf64_Phdr wide;
    Elf32_Phdr narrow;
    if (bits == 64) {
        if (!read_at(fd, &wide, sizeof wide, offset))
            return false;
        *segment = (struct segment){wide.p_type, wide.p_offset, wide.p_filesz};
    } else {
        if (!read_at(fd, &narrow, sizeof narrow, offset))
            return false;
        *segment = (struct segment){narrow.p_type, narrow.p_offset, narrow.p_filesz};
    }
    return true;
}

/* Go's linker leaves a note of its own. */
static bool is_go_note(int fd, const struct segment *segment)
{
    Elf64_Nhdr head; /* the same in both classes */
    char name[4];
    uint64_t at = segment->offset, end = segment->offset + segment->size;
    for (int notes = 0; notes < 16 && at + sizeof head <= end && read_at(fd, &head, sizeof head, at);
         notes++) {
        if (head.n_namesz == sizeof name && read_at(fd, name, sizeof name, at + sizeof head) &&
            memcmp(name, "Go\0", sizeof name) == 0)
            return true;
        at +=
            sizeof head + ((uint64_t)(head.n_namesz + 3U) & ~3ULL) + ((uint64_t)(head.n_descsz + 3U) & ~3ULL);
    }
    return false;
}

/* The kernel wants it whole, with its NUL (fs/binfmt_elf.c). */
static void read_loader(struct elf *elf, int fd, const struct segment *segment)
{
    bool whole = segment->size >= 2 && segment->size <= sizeof elf->interpreter &&
                 read_at(fd, elf->interpreter, (size_t)segment->size, segment->offset) &&
                 elf->interpreter[segment->size - 1] == '\0';
    if (whole)
        return;
    elf->interpreter[0] = '\0';
    elf->damage = "damaged: the name of its dynamic loader cannot be read";
}

/* Pages that lie behind the end of the file raise SIGBUS; the last one is filled up. */
static bool is_behind(const struct segment *segment, uint64_t length)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), end = (length + page - 1) / page * page;
    return segment->offset > end || segment->size > end - segment->offset;
}

static void read_segments(struct elf *elf, int fd, uint64_t table, unsigned count, unsigned size)
{
    struct stat status;
    uint64_t length = fstat(fd, &status) == 0 ? (uint64_t)status.st_size : UINT64_MAX / 2;
    if (count == 0 || size != (elf->bits == 64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)))
        elf->damage = "damaged: its header names no table of segments that the kernel reads";
    for (unsigned i = 0; i < count && elf->damage == NULL; i++) {
        struct segment segment;
        if (!read_segment(fd, elf->bits, table + (uint64_t)i * size, &segment)) {
            elf->damage = "damaged: the file ends before its table of segments does";
            return;
        }
        if (segment.type == PT_INTERP)
            read_loader(elf, fd, &segment);
        if (segment.type == PT_LOAD && is_behind(&segment, length))
            elf->damage = "damaged: the file ends before its segments do";
        elf->is_dynamic |= segment.type == PT_DYNAMIC;
        if (segment.type == PT_NOTE)
            elf->is_go |= is_go_note(fd, &segment);
    }
}

bool elf_read(struct elf *elf, int fd)
{
    union {
        unsigned char ident[EI_NIDENT];
        Elf64_Ehdr wide;
        Elf32_Ehdr narrow;
    } head;
    const int own_order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
    memset(elf, 0, sizeof *elf);
    memset(&head, 0, sizeof head);
    ssize_t length = pread(fd, &head, sizeof head, 0);
    if (length < 0)
        return false;
    if (length < SELFMAG || memcmp(head.ident, ELFMAG, SELFMAG) != 0)
        return true;
    elf->is_elf = true;
    elf->bits = head.ident[EI_CLASS] == ELFCLASS64 ? 64 : 32;
    if (length < (ssize_t)(elf->bits == 64 ? sizeof head.wide : sizeof head.narrow)) {
        elf->damage = "damaged: the file ends in the middle of its header";
        return true;
    }
    elf->other_byte_order = head.ident[EI_DATA] != own_order;
    if (elf->other_byte_order)
        return true;
    /* Up to e_machine both classes are the same. */
    elf->machine = head.narrow.e_machine;
    elf->is_executable = head.narrow.e_type == ET_EXEC || head.narrow.e_type == ET_DYN;
    if (elf->bits == 64)
        read_segments(elf, fd, head.wide.e_phoff, head.wide.e_phnum, head.wide.e_phentsize);
    else
        read_segments(elf, fd, head.narrow.e_phoff, head.narrow.e_phnum, head.narrow.e_phentsize);
    return true;
}

bool elf_contains(int fd, const char *string)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || status.st_size <= 0)
        return false;
    void *file = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (file == MAP_FAILED)
        return false;
    bool found = false;
    const char *at = file, *end = at + status.st_size, *hit;
    size_t size = strlen(string) + 1;
    while (!found && (size_t)(end - at) >= size &&
           (hit = memchr(at, string[0], (size_t)(end - at) - size + 1))) {
        found = memcmp(hit, string, size) == 0;
        at = hit + 1;
    }
    munmap(file, (size_t)status.st_size);
    return found;
}
