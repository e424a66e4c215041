/* SPDX-License-Identifier: MIT
 *
 * libFuzzer: the path of a cgroup, of any shape. What it names lies in the path, and is a part of it.
 */
#include "reuseshim/manager.h"
#include "parts/expect.h"

#include <stdlib.h>
#include <string.h>

static void check_part(const char *path, size_t length, struct part part, const char *what)
{
    if (part.length == 0)
        return;
    expect(part.start >= path && part.start + part.length <= path + length, what);
    expect(memchr(part.start, '/', part.length) == NULL, "a unit or a container is one component");
}

static bool same(struct part one, struct part other)
{
    return one.length == other.length && (one.length == 0 || memcmp(one.start, other.start, one.length) == 0);
}

static void check(const char *path)
{
    size_t length = strlen(path);
    struct manager manager = manager_of(path);
    check_part(path, length, manager.unit, "a unit is in the path");
    check_part(path, length, manager.container, "a container is in the path");
    expect((manager.container.length > 0) == (manager.engine != ENGINE_NONE), "a container has an engine");
    expect(manager.engine < ENGINE_COUNT, "an engine is one");
    expect((engine_word(manager.engine)[0] != '\0') == (manager.engine != ENGINE_NONE),
           "an engine has a name");
    /* A folder below a unit's is the unit's. */
    char *below = malloc(length + sizeof "/x");
    if (below == NULL)
        abort();
    memcpy(below, path, length);
    memcpy(below + length, "/x", sizeof "/x");
    struct manager deeper = manager_of(below);
    if (length && manager.container.length == 0 && deeper.container.length == 0 && path[length - 1] != '/')
        expect(same(manager.unit, deeper.unit), "what is below a unit is of that unit");
    free(below);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *path = strndup((const char *)data, size);
    if (path == NULL)
        abort();
    check(path);
    free(path);
    return 0;
}
