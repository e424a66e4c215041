/* SPDX-License-Identifier: MIT
 *
 * Contract in log_place.h.
 */
#define _GNU_SOURCE
#include "log_place.h"

#include "reuseshim/command.h"
#include "reuseshim/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Why nothing can be written to the descriptor, NULL if it can be. */
static const char *descriptor_trouble(int fd)
{
    int flags = fcntl(fd, F_GETFD), status = fcntl(fd, F_GETFL);
    if (flags < 0 || status < 0)
        return "is not open; expected a descriptor that is, such as with 3>>FILE for fd:3";
    if ((status & O_ACCMODE) == O_RDONLY || status & O_PATH)
        return "is not open for writing";
    if (flags & FD_CLOEXEC)
        return "will be closed when the program starts (close-on-exec)";
    return NULL;
}

/* Could a file be made in the folder that `path` is in? 0, or an errno. */
static int try_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[4096];
    int length = snprintf(folder, sizeof folder, "%.*s", slash > path ? (int)(slash - path) : 1, path);
    if (length >= (int)sizeof folder)
        return ENAMETOOLONG;
    return faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

/* 0, or the errno that the library would meet. */
static int try_path(const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0) {
        close(fd);
        return 0;
    }
    if (errno == ENXIO) /* a FIFO whose reader is still to come */
        return 0;
    return errno == ENOENT ? try_folder(path) : errno;
}

static const char *path_trouble(const char *path, int error)
{
    struct stat status;
    if (error == ELOOP && lstat(path, &status) == 0 && S_ISLNK(status.st_mode))
        return "is a symbolic link, which is not followed";
    if (error == ENOENT || error == ENOTDIR)
        return "the folder is not there";
    if (error == EISDIR)
        return "is a directory";
    if (error == EACCES && lstat(path, &status) != 0)
        return "no file can be made in that folder (Permission denied)";
    return strerror(error);
}

int log_place_check(const struct settings *settings)
{
    const char *trouble = NULL, *word = settings->log_path;
    char name[32];
    if (settings->log == LOG_FD) {
        snprintf(name, sizeof name, "fd:%d", settings->log_fd);
        word = name;
        trouble = descriptor_trouble(settings->log_fd);
    } else if (settings->log == LOG_FILE && !record_log_is_slow(settings->log_path)) {
        int error = try_path(settings->log_path);
        trouble = error ? path_trouble(settings->log_path, error) : NULL;
    }
    if (trouble == NULL)
        return 0;
    command_error(variable_names[VARIABLE_LOG], ": '", word, "': ", trouble, (char *)NULL);
    return EXIT_USAGE;
}
