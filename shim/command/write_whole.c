/* SPDX-License-Identifier: MIT
 *
 * Contract in write_whole.h.
 */
#define _GNU_SOURCE /* mkostemp */
#include "write_whole.h"

#include "reuseshim/command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int fd, const char *bytes, size_t count)
{
    while (count) {
        ssize_t written = write(fd, bytes, count);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        bytes += written;
        count -= (size_t)written;
    }
    return true;
}

static bool complain(const char *path)
{
    command_error(path, ": ", strerror(errno), (char *)NULL);
    return false;
}

static bool write_as_it_is(const char *path, const char *bytes, size_t count)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return complain(path);
    bool good = write_all(fd, bytes, count) || complain(path);
    close(fd);
    return good;
}

/* What open(2) would give a new file. */
static mode_t usual_mode(void)
{
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

/* Under another name beside it, then in its place. */
static bool replace(const char *path, mode_t mode, const char *bytes, size_t count)
{
    char beside[PATH_MAX];
    int length = snprintf(beside, sizeof beside, "%s.XXXXXX", path);
    if (length < 0 || (size_t)length >= sizeof beside) {
        errno = ENAMETOOLONG;
        return complain(path);
    }
    int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0)
        return complain(path);
    bool good = fchmod(fd, mode) == 0 && write_all(fd, bytes, count) && fsync(fd) == 0;
    good = good && rename(beside, path) == 0;
    if (!good) {
        complain(path);
        unlink(beside);
    }
    close(fd);
    return good;
}

bool write_whole(const char *path, const char *bytes, size_t count)
{
    struct stat there;
    if (stat(path, &there) < 0)
        return replace(path, usual_mode(), bytes, count);
    if (!S_ISREG(there.st_mode))
        return write_as_it_is(path, bytes, count);
    char *real = realpath(path, NULL);
    bool good = real ? replace(real, there.st_mode & 0777, bytes, count) : complain(path);
    free(real);
    return good;
}
