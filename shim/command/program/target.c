/* SPDX-License-Identifier: MIT
 *
 * Contract in target.h.
 */
#define _GNU_SOURCE
#include "target.h"

#include "launcher.h"
#include "reuseshim/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* ---- where it is ------------------------------------------------------------------------------------ */

/* 0, or why execve(2) would not take it. */
static int try_path(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return errno;
    if (S_ISDIR(status.st_mode))
        return EISDIR;
    return S_ISREG(status.st_mode) && faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 ? 0 : EACCES;
}

/* As execvp(3): a file that may not be executed is passed over, and remembered. */
static int find_in_path(char *path, const char *command)
{
    const char *list = getenv("PATH");
    int result = ENOENT;
    if (list == NULL)
        list = "/bin:/usr/bin";
    for (const char *at = list;; at++) {
        size_t length = strcspn(at, ":");
        int written =
            snprintf(path, TARGET_PATH_MAX, "%.*s%s%s", (int)length, at, length ? "/" : "", command);
        int error = written < TARGET_PATH_MAX ? try_path(path) : ENAMETOOLONG;
        if (error == 0)
            return 0;
        if (error == EACCES)
            result = EACCES;
        at += length;
        if (*at == '\0')
            return result;
    }
}

static int complain(const char *name, int error)
{
    const char *reason = error == EACCES                        ? "not executable"
                         : error == EISDIR                      ? "is a directory"
                         : error == ENOENT && strchr(name, '/') ? "not found"
                         : error == ENOENT                      ? "not found in PATH"
                                                                : strerror(error);
    command_error(name, ": ", reason, (char *)NULL);
    return error == ENOENT || error == ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_RUN;
}

/* ---- what is loaded for it -------------------------------------------------------------------------- */

/* The interpreter of a script, as the kernel reads it (fs/binfmt_script.c); false if it is none. */
static bool read_interpreter(int fd, char *interpreter)
{
    char line[256];
    ssize_t length = pread(fd, line, sizeof line - 1, 0);
    if (length < 3 || line[0] != '#' || line[1] != '!')
        return false;
    line[length] = '\0';
    /* A path that the kernel's 256 bytes cut is no script to it. */
    if (length == (ssize_t)sizeof line - 1 &&
        strcspn(line + 2 + strspn(line + 2, " \t"), " \t\n") + 2 + strspn(line + 2, " \t") == (size_t)length)
        return false;
    line[strcspn(line, "\n")] = '\0';
    char *start = line + 2 + strspn(line + 2, " \t");
    start[strcspn(start, " \t")] = '\0';
    snprintf(interpreter, TARGET_PATH_MAX, "%s", start);
    return start[0] != '\0';
}

/* Would a person write this at the beginning of a script? A shell would execute noise as well. */
static bool begins_as_text(int fd)
{
    static const char allowed[] = "\a\b\t\n\v\f\r\033";
    char start[256];
    ssize_t length = pread(fd, start, sizeof start, 0);
    for (ssize_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)start[i];
        if ((byte < ' ' && !(byte && strchr(allowed, byte))) || byte == 0x7f)
            return false;
    }
    return length >= 0;
}

/* One step from a script to what interprets it; 1 if the program has been reached, 0 to go on, -1 after a
 * complaint with *code set. What has neither ELF header nor "#!" is given to the shell by execvp(3); what is
 * no text may still be something that the kernel has an interpreter for (binfmt_misc). */
static int step(struct target *target, int *code)
{
    char next[TARGET_PATH_MAX];
    int fd = open(target->program, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return 1; /* executable and not readable: nothing can be known of it */
    bool read = elf_read(&target->elf, fd);
    bool script = read && !target->elf.is_elf && read_interpreter(fd, next);
    bool text = script || begins_as_text(fd);
    close(fd);
    if (!read || target->elf.is_elf || !text)
        return 1;
    if (!script) {
        snprintf(next, sizeof next, "/bin/sh");
        target->is_text = true;
    }
    int error = try_path(next);
    if (error == 0) {
        memcpy(target->program, next, sizeof next);
        return 0;
    }
    command_error(target->path, ": its interpreter '", next, "' is ",
                  error == ENOENT ? "not there" : "not executable", (char *)NULL);
    *code = error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN;
    return -1;
}

/* ---- whether the loader takes the library in -------------------------------------------------------- */

static int refuse(const struct target *target, const char *reason)
{
    if (strcmp(target->path, target->program) == 0)
        command_error(target->path, ": ", reason, (char *)NULL);
    else
        command_error(target->path, ": its interpreter ", target->program, ": ", reason, (char *)NULL);
    return EXIT_NOT_RUN;
}

static int refuse_privileged(const struct target *target, const char *what)
{
    const struct launcher *launcher = launcher_find(target->path);
    char line[512];
    struct text text = text_in(line, sizeof line);
    text_strings(&text, what, ": the dynamic loader ignores LD_PRELOAD for such a program");
    if (launcher && launcher->instead)
        text_strings(&text, "; ", launcher->instead);
    return refuse(target, text_end(&text));
}

/* "/lib64/ld-linux-x86-64.so.2 PROGRAM": it preloads as it does when the kernel calls it. */
static bool is_loader(const char *program)
{
    const char *slash = strrchr(program, '/'), *base = slash ? slash + 1 : program;
    return strncmp(base, "ld-", 3) == 0 || strcmp(base, "ld.so") == 0;
}

bool target_wants_trap(const struct target *target)
{
    const struct elf *elf = &target->elf;
    bool is_whole = elf->is_elf && !elf->damage && !elf->other_byte_order && elf->is_executable;
    bool is_alone = elf->interpreter[0] == '\0' && !(elf->is_dynamic && is_loader(target->program));
    return is_whole && (is_alone || elf->is_go) && !launcher_find(target->path);
}

/* "php", "php8.2": FPM and CGI open no sockets by themselves. */
static bool is_php(const char *program)
{
    const char *slash = strrchr(program, '/'), *base = slash ? slash + 1 : program;
    return strncmp(base, "php", 3) == 0 && base[3 + strspn(base + 3, "0123456789.")] == '\0';
}

bool target_gains_rights(const struct target *target)
{
    struct stat status;
    return stat(target->program, &status) == 0 &&
           ((status.st_mode & S_ISUID && status.st_uid != geteuid()) ||
            ((status.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && status.st_gid != getegid()) ||
            getxattr(target->program, "security.capability", NULL, 0) > 0);
}

int target_judge(const struct target *target)
{
    struct stat status;
    const struct elf *elf = &target->elf;
    if (getuid() != geteuid() || getgid() != getegid())
        return refuse(target,
                      "the real and the effective user differ, so the dynamic loader ignores LD_PRELOAD");
    if (stat(target->program, &status) != 0)
        return 0;
    if (status.st_mode & S_ISUID)
        return refuse_privileged(target, "set-user-ID");
    if ((status.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
        return refuse_privileged(target, "set-group-ID");
    if (getxattr(target->program, "security.capability", NULL, 0) > 0)
        return refuse(
            target, "has file capabilities: the dynamic loader ignores LD_PRELOAD for such a program; grant "
                    "them another way, such as AmbientCapabilities= of systemd");
    if (!elf->is_elf)
        return 0;
    if (elf->damage)
        return refuse(target, elf->damage);
    if (elf->other_byte_order || !elf->is_executable)
        return refuse(target, "not a program of this machine");
    if (elf->interpreter[0] == '\0' &&
        ((elf->is_dynamic && is_loader(target->program)) || launcher_find(target->path)))
        return 0;
    if (elf->interpreter[0] == '\0')
        return refuse(target, "statically linked: no dynamic loader runs that could preload the library");
    if (access(elf->interpreter, X_OK) != 0) {
        command_error(target->path, ": its dynamic loader '", elf->interpreter, "' is not there",
                      (char *)NULL);
        return EXIT_NOT_FOUND;
    }
    if (is_php(target->program))
        command_error(
            target->program,
            ": what its modules bind (ext/sockets is opened with RTLD_DEEPBIND) passes the library by; "
            "--trap reaches it, too",
            (char *)NULL);
    if (elf->is_go && !launcher_find(target->path))
        command_error(target->program,
                      ": a Go program; Go calls the kernel itself, so its calls pass the library by",
                      (char *)NULL);
    return 0;
}

int target_find(struct target *target, const char *command)
{
    int result = target_look(target, command);
    return result ? result : target_judge(target);
}

int target_look(struct target *target, const char *command)
{
    enum { DEEPEST = 6 }; /* the kernel gives up there, too */
    int error, code = EXIT_NOT_RUN;
    memset(target, 0, sizeof *target);
    if (strchr(command, '/')) {
        snprintf(target->path, sizeof target->path, "%s", command);
        error = strlen(command) < sizeof target->path ? try_path(command) : ENAMETOOLONG;
    } else {
        error = command[0] ? find_in_path(target->path, command) : ENOENT;
    }
    if (error)
        return complain(command, error);
    memcpy(target->program, target->path, sizeof target->path);
    for (int depth = 0; depth < DEEPEST; depth++) {
        int reached = step(target, &code);
        if (reached)
            return reached < 0 ? code : 0;
    }
    return refuse(target, "too many interpreters, one behind the other");
}
