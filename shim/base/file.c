/* SPDX-License-Identifier: MIT
 *
 * Whole files. Contract in file.h.
 */
#include "reuseshim/file.h"

#include "reuseshim/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Until a read gives no more than `last` bytes, the end of the file or of the room; -errno if the first one
 * fails. */
static ssize_t read_until(int fd, char *buffer, size_t size, ssize_t last)
{
    size_t used = 0;
    while (used < size) {
        ssize_t got = raw_read(fd, buffer + used, size - used);
        if (got == -EINTR)
            continue;
        if (got < 0 && used == 0)
            return got;
        used += got > 0 ? (size_t)got : 0;
        if (got <= last)
            break;
    }
    return (ssize_t)used;
}

static ssize_t read_all(int fd, char *buffer, size_t size)
{
    return read_until(fd, buffer, size, 0);
}

/* The kernel writes such files a page at a time, and begins another one when a line does not fit (seq_file,
 * Documentation/filesystems/seq_file.rst); none of the lines has half a page. So what fills less than that
 * was the last, and needs no other read to say so. */
ssize_t file_read(const char *path, char *buffer, size_t size)
{
    enum { HALF_PAGE = 2048 };
    int fd = raw_open(path, O_RDONLY | O_NOCTTY, 0);
    if (fd < 0)
        return fd;
    ssize_t result = read_until(fd, buffer, size, HALF_PAGE);
    raw_close(fd);
    return result;
}

int file_map(struct file_text *text, const char *path)
{
    struct raw_identity identity;
    *text = (struct file_text){0};
    int fd = raw_open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);
    if (fd < 0)
        return fd;
    int result = -EINVAL;
    if (raw_identify(fd, &identity) && S_ISDIR(identity.mode)) {
        result = -EISDIR;
    } else if (raw_identify(fd, &identity) && S_ISREG(identity.mode)) {
        /* One byte more than allowed tells a file that is too long from one that just fits. */
        size_t wanted = FILE_TEXT_MAX + 1;
        text->start = raw_map(wanted);
        ssize_t length = text->start ? read_all(fd, text->start, wanted) : -ENOMEM;
        result = length < 0 ? (int)length : length > FILE_TEXT_MAX ? -EFBIG : 0;
        if (text->start && result == 0) {
            text->length = (size_t)length;
            text->mapped = wanted;
        } else if (text->start) {
            raw_unmap(text->start, wanted);
            text->start = NULL;
        }
    }
    raw_close(fd);
    return result;
}

size_t file_executable_name(const char *link, char *buffer, size_t size)
{
    static const char deleted[] = " (deleted)";
    char path[512];
    ssize_t length = raw_readlinkat(AT_FDCWD, link, path, sizeof path);
    /* A link that fills the room was cut: rather no name than a wrong one. */
    size_t end = length > 0 && (size_t)length < sizeof path ? (size_t)length : 0;
    if (end > sizeof deleted - 1 &&
        memcmp(path + end - (sizeof deleted - 1), deleted, sizeof deleted - 1) == 0)
        end -= sizeof deleted - 1;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    size_t used = end - start < size - 1 ? end - start : size - 1;
    memcpy(buffer, path + start, used);
    buffer[used] = '\0';
    return used;
}
