/* SPDX-License-Identifier: MIT
 *
 * Contract in library.h.
 */
#include "library.h"

#include "reuseshim/command.h"
#include "reuseshim/version.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char name[] = "libreuseshim.so";
/* ld.so splits LD_PRELOAD at blanks and colons, and replaces $ORIGIN, $LIB and $PLATFORM in it. */
static const char separators[] = ": \t\n";

/* The folder of this command; "" where /proc does not tell. */
static void find_self(char folder[LIBRARY_PATH_MAX])
{
    ssize_t length = readlink("/proc/self/exe", folder, LIBRARY_PATH_MAX - 1);
    folder[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
}

/* "/stage" if this command is /stage/usr/bin/reuseshim and was meant for /usr/bin; "" else. */
static void find_root(char root[LIBRARY_PATH_MAX], const char *self)
{
    size_t length = strlen(self), tail = strlen(BINDIR);
    bool staged = length > tail && strcmp(self + length - tail, BINDIR) == 0;
    snprintf(root, LIBRARY_PATH_MAX, "%.*s", staged ? (int)(length - tail) : 0, self);
}

/* "ROOT/FOLDER/libreuseshim.so" into `path`; false if it does not fit. */
static bool name_in(char path[LIBRARY_PATH_MAX], const char *root, const char *folder)
{
    return snprintf(path, LIBRARY_PATH_MAX, "%s%s/%s", root, folder, name) < LIBRARY_PATH_MAX;
}

static bool exists(char path[LIBRARY_PATH_MAX], const char *root, const char *folder)
{
    return name_in(path, root, folder) && access(path, R_OK) == 0;
}

static bool find(struct library *library, int bits, bool loader_knows_lib)
{
    char *file = library->file, *path = library->path;
    char self[LIBRARY_PATH_MAX], root[LIBRARY_PATH_MAX], other[LIBRARY_PATH_MAX];
    bool own = bits == (int)sizeof(void *) * 8;
    bool standard = strcmp(LIBDIR, PREFIX "/" LIBSUB) == 0 && strcmp(LIBDIR32, PREFIX "/" LIBSUB32) == 0;
    find_self(self);
    find_root(root, self);
    if (exists(file, self, own ? "" : "/32"))
        return snprintf(path, LIBRARY_PATH_MAX, "%s", file) > 0;
    if (!exists(file, root, own ? LIBDIR : LIBDIR32))
        return false;
    if (standard && loader_knows_lib && exists(other, root, own ? LIBDIR32 : LIBDIR))
        return name_in(path, root, PREFIX "/$LIB");
    return snprintf(path, LIBRARY_PATH_MAX, "%s", file) > 0;
}

static const char *machine_word(unsigned machine)
{
    static const struct {
        unsigned machine;
        const char *word;
    } words[] = {{EM_X86_64, "x86-64"}, {EM_386, "i386"},    {EM_AARCH64, "aarch64"}, {EM_ARM, "arm"},
                 {EM_RISCV, "riscv"},   {EM_PPC64, "ppc64"}, {EM_S390, "s390"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].machine == machine)
            return words[i].word;
    return "another machine";
}

static int complain_missing(int bits)
{
    if (bits == (int)sizeof(void *) * 8)
        command_error(name, ": not found beside this command or in " LIBDIR, (char *)NULL);
    else
        command_error("the program is a ", bits == 32 ? "32-bit" : "64-bit",
                      " one; no library for it is beside this command or in " LIBDIR32
                      "; 'make lib32' builds it",
                      (char *)NULL);
    return bits == (int)sizeof(void *) * 8 ? EXIT_TROUBLE : EXIT_NOT_RUN;
}

static int check(const char *path, const struct elf *target)
{
    static const char version[] = "libreuseshim " REUSESHIM_VERSION;
    struct elf elf;
    if (strpbrk(path, separators) || strchr(path, '$')) {
        command_error(
            path,
            ": ld.so cannot preload a path with a blank, a colon or a dollar; put the library elsewhere",
            (char *)NULL);
        return EXIT_TROUBLE;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool read = fd >= 0 && elf_read(&elf, fd) && elf.is_elf && !elf.damage;
    bool same = read && elf_contains(fd, version);
    if (fd >= 0)
        close(fd);
    if (!same) {
        command_error(path, read ? ": of another version than this command, " : ": not a library; expected ",
                      version, (char *)NULL);
        return EXIT_TROUBLE;
    }
    if (target && target->is_elf && (target->machine != elf.machine || target->bits != elf.bits)) {
        command_error("the program is for ", machine_word(target->machine), ", the library ", path, " for ",
                      machine_word(elf.machine), (char *)NULL);
        return EXIT_NOT_RUN;
    }
    return 0;
}

int library_find(struct library *library, const struct elf *elf)
{
    int bits = elf && elf->is_elf ? elf->bits : (int)sizeof(void *) * 8;
    /* musl's loader takes $LIB as it stands. */
    bool musl = elf && strstr(elf->interpreter, "/ld-musl-");
    return find(library, bits, !musl) ? check(library->file, elf) : complain_missing(bits);
}

/* Wherever it lies: two copies in one process would write each record twice. */
static bool is_ours(const char *path, size_t length)
{
    const size_t own = sizeof name - 1;
    return length >= own && memcmp(path + length - own, name, own) == 0 &&
           (length == own || path[length - own - 1] == '/');
}

char *library_list(const char *library, const char *existing)
{
    const char *at = existing ? existing : "";
    char *list = malloc((library ? strlen(library) : 0) + strlen(at) + 2);
    if (list == NULL)
        return NULL;
    strcpy(list, library ? library : "");
    while (*(at += strspn(at, separators))) {
        size_t length = strcspn(at, separators);
        if (!is_ours(at, length)) {
            strcat(list, list[0] ? ":" : "");
            strncat(list, at, length);
        }
        at += length;
    }
    return list;
}
