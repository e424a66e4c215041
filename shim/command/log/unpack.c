/* SPDX-License-Identifier: MIT
 *
 * Contract in unpack.h.
 */
#define _GNU_SOURCE /* pipe2 */
#include "unpack.h"

#include "reuseshim/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- what it is -------------------------------------------------------------------------------------- */

static bool begins(const char *begun, size_t count, const char *magic)
{
    return count >= strlen(magic) && memcmp(begun, magic, strlen(magic)) == 0;
}

/* What to put before "reuseshim log" for that file; NULL if it is none of these. */
static const char *command_for(const char *begun, size_t count)
{
    static const struct {
        const char *magic, *command;
    } others[] = {
        {"\xfd"
         "7zXZ",
         "xz -dc"},
        {"\x28\xb5\x2f\xfd", "zstd -dc"},
        {"BZh", "bzip2 -dc"},
        {"LPKSHHRH", "journalctl -o json --file"},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (begins(begun, count, others[i].magic))
            return others[i].command;
    return NULL;
}

/* ---- the children ------------------------------------------------------------------------------------ */

static bool write_all(int fd, const char *bytes, size_t count)
{
    while (count) {
        ssize_t written = write(fd, bytes, count);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes += written;
        count -= (size_t)written;
    }
    return true;
}

/* What has been read of a pipe cannot be put back: a child gives the unpacker that, and then the rest. */
__attribute__((noreturn)) static void feed(int from, int to, const char *begun, size_t count)
{
    static char block[1 << 16];
    signal(SIGPIPE, SIG_IGN);
    bool good = write_all(to, begun, count);
    while (good) {
        ssize_t got = read(from, block, sizeof block);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        good = write_all(to, block, (size_t)got);
    }
    _exit(0);
}

/* Its complaints would name "stdin"; ours names the file. */
__attribute__((noreturn)) static void become_unpacker(int from, int to)
{
    int nowhere = open("/dev/null", O_WRONLY);
    signal(SIGPIPE, SIG_DFL);
    dup2(from, STDIN_FILENO);
    dup2(to, STDOUT_FILENO);
    if (nowhere >= 0)
        dup2(nowhere, STDERR_FILENO);
    execlp("gzip", "gzip", "-dc", (char *)NULL);
    execlp("zcat", "zcat", (char *)NULL);
    _exit(EXIT_NOT_FOUND);
}

static bool start(struct unpack *unpack, int fd, const char *begun, size_t count)
{
    int packed[2], plain[2];
    if (pipe2(packed, O_CLOEXEC) < 0)
        return false;
    if (pipe2(plain, O_CLOEXEC) < 0) {
        close(packed[0]);
        close(packed[1]);
        return false;
    }
    unpack->feeder = fork();
    if (unpack->feeder == 0) {
        close(packed[0]);
        close(plain[0]);
        close(plain[1]);
        feed(fd, packed[1], begun, count);
    }
    close(packed[1]);
    unpack->unpacker = unpack->feeder < 0 ? -1 : fork();
    if (unpack->unpacker == 0)
        become_unpacker(packed[0], plain[1]);
    close(packed[0]);
    close(plain[1]);
    unpack->fd = plain[0];
    unpack->running = unpack->unpacker > 0;
    if (!unpack->running)
        close(plain[0]);
    return unpack->running;
}

static int wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return status;
}

bool unpack_begin(struct unpack *unpack, const char *name, int fd, const char *begun, size_t count)
{
    *unpack = (struct unpack){.fd = -1};
    const char *command = command_for(begun, count);
    if (command) {
        command_error(name, ": cannot be read as it is; try: ", command, " FILE | reuseshim log",
                      (char *)NULL);
        return false;
    }
    if (!begins(begun, count, "\x1f\x8b"))
        return true;
    if (start(unpack, fd, begun, count))
        return true;
    command_error(name, ": no process to unpack it: ", strerror(errno), (char *)NULL);
    if (unpack->feeder > 0)
        wait_for(unpack->feeder);
    return false;
}

bool unpack_end(struct unpack *unpack, const char *name)
{
    enum { WARNING = 2 }; /* gzip(1): something behind its end */
    if (!unpack->running)
        return true;
    close(unpack->fd);
    int status = wait_for(unpack->unpacker);
    wait_for(unpack->feeder);
    if (status >= 0 && WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == WARNING))
        return true;
    if (status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NOT_FOUND)
        command_error(name, ": is compressed, and neither gzip nor zcat is here to unpack it", (char *)NULL);
    else
        command_error(name, ": could not be unpacked to its end", (char *)NULL);
    return false;
}
