/* SPDX-License-Identifier: MIT
 *
 * How a call finds its way to bind: linking HOW PORT [FILE]. The port is taken. Exit code 0 if each call was
 * answered as the kernel answers it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef int binder(int, __CONST_SOCKADDR_ARG, socklen_t);
static unsigned short port;

static void *found(void *object)
{
    if (object == NULL) {
        fprintf(stderr, "linking: %s\n", dlerror());
        exit(1);
    }
    return object;
}

static binder *binder_of(void *handle)
{
    union {
        void *object;
        binder *function;
    } name = {.object = found(dlsym(handle, "bind"))};
    return name.function;
}

static int refusal_of(binder *function)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int error = function(fd, (struct sockaddr *)&address, sizeof address) ? errno : 0;
    close(fd);
    return error;
}

static int by_module(void *handle)
{
    union {
        void *object;
        int (*function)(unsigned short);
    } name = {.object = found(dlsym(found(handle), "module_bind"))};
    int error = name.function(port);
    dlclose(handle);
    return error;
}

static int by_dlopen(const char *file)
{
    return by_module(dlopen(file, RTLD_NOW));
}

static int by_deepbind(const char *file)
{
    return by_module(dlopen(file, RTLD_NOW | RTLD_DEEPBIND));
}

static int by_dlmopen(const char *file)
{
    return by_module(dlmopen(LM_ID_NEWLM, file, RTLD_NOW));
}

static int by_dlsym(const char *file)
{
    (void)file;
    return refusal_of(binder_of(RTLD_DEFAULT));
}

/* The library itself, which was not preloaded: in and out again. */
static int again_and_again(const char *file)
{
    int error = EADDRINUSE;
    for (int i = 0; i < 100 && error == EADDRINUSE; i++) {
        void *library = found(dlopen(file, RTLD_NOW | (i % 2 ? RTLD_GLOBAL : RTLD_LOCAL)));
        error = refusal_of(binder_of(library));
        dlclose(library);
        error = refusal_of(bind) == EADDRINUSE ? error : EFAULT;
    }
    return error;
}

static const struct {
    const char *name;
    int (*bind)(const char *file);
} ways[] = {{"dlopen", by_dlopen},
            {"deepbind", by_deepbind},
            {"dlmopen", by_dlmopen},
            {"dlsym", by_dlsym},
            {"library", again_and_again}};

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    port = (unsigned short)atoi(argv[2]);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (strcmp(ways[i].name, argv[1]) == 0)
            return ways[i].bind(argc > 3 ? argv[3] : NULL) == EADDRINUSE ? 0 : 3;
    return 2;
}
