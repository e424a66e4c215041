/* SPDX-License-Identifier: MIT
 *
 * Units and containers in the path of a cgroup. Contract in manager.h.
 */
#include "reuseshim/manager.h"

#include <string.h>

#define ENGINE_WORD(name, word, command)    [ENGINE_##name] = word,
#define ENGINE_COMMAND(name, word, command) [ENGINE_##name] = command,

const char *engine_word(enum engine engine)
{
    static const char words[ENGINE_COUNT][16] = {ENGINES(ENGINE_WORD)};
    return words[engine];
}

const char *engine_command(enum engine engine)
{
    static const char commands[ENGINE_COUNT][24] = {ENGINES(ENGINE_COMMAND)};
    return commands[engine];
}

/* How the engines call the group of a container: with systemd as the manager of groups a scope, else a folder
 * below one of their own. What looks after a container from outside (conmon) holds its published ports. */
static const struct {
    char before[20]; /* the component above, "" for any */
    char prefix[20];
    char suffix[10];
    enum engine engine;
} shapes[] = {
    {"", "docker-", ".scope", ENGINE_DOCKER},
    {"docker", "", "", ENGINE_DOCKER},
    {"", "libpod-conmon-", ".scope", ENGINE_PODMAN},
    {"", "libpod-", ".scope", ENGINE_PODMAN},
    {"libpod_parent", "libpod-", "", ENGINE_PODMAN},
    {"", "cri-containerd-", ".scope", ENGINE_CONTAINERD},
    {"", "crio-conmon-", ".scope", ENGINE_CRIO},
    {"", "crio-", ".scope", ENGINE_CRIO},
    {"", "nerdctl-", ".scope", ENGINE_NERDCTL},
    {"", "lxc.payload.", "", ENGINE_LXC},
    {"lxc.payload", "", "", ENGINE_LXC},
    {"lxc", "", "", ENGINE_LXC},
    {"machine.slice", "systemd-nspawn@", ".service", ENGINE_NSPAWN},
    {"machine.slice", "machine-", ".scope", ENGINE_NSPAWN},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static bool is(struct part part, const char *string)
{
    return part.length == strlen(string) && memcmp(part.start, string, part.length) == 0;
}

static bool begins_with(struct part part, const char *string)
{
    return part.length >= strlen(string) && memcmp(part.start, string, strlen(string)) == 0;
}

static bool ends_in(struct part part, const char *string)
{
    size_t length = strlen(string);
    return part.length > length && memcmp(part.start + part.length - length, string, length) == 0;
}

static bool is_hexadecimal(struct part part)
{
    size_t digits = 0;
    while (digits < part.length && strchr("0123456789abcdef", part.start[digits]))
        digits++;
    return digits == part.length;
}

/* The row of `shapes` that a component has, SHAPES for none. */
static size_t shape_of(struct part above, struct part component)
{
    size_t at = 0;
    while (at < SHAPES &&
           ((shapes[at].before[0] && !is(above, shapes[at].before)) ||
            component.length <= strlen(shapes[at].prefix) + strlen(shapes[at].suffix) ||
            !begins_with(component, shapes[at].prefix) || !ends_in(component, shapes[at].suffix)))
        at++;
    return at;
}

/* Kubernetes without systemd: /kubepods/burstable/podUID/ID. Which engine runs it does not show. */
static bool is_in_pod(struct part above, struct part component)
{
    enum { ID = 64 };
    return begins_with(above, "pod") && component.length == ID && is_hexadecimal(component);
}

/* A runtime that was told to use folders by a manager that names groups for systemd: the folder
 * "kubepods-podUID.slice:cri-containerd:ID". */
static const struct {
    char between[20];
    enum engine engine;
} runtimes[] = {{":cri-containerd:", ENGINE_CONTAINERD},
                {":crio:", ENGINE_CRIO},
                {":docker:", ENGINE_DOCKER},
                {":libpod:", ENGINE_PODMAN}};

static bool is_folder_of_runtime(struct manager *manager, struct part component)
{
    for (size_t i = 0; i < sizeof runtimes / sizeof *runtimes; i++) {
        size_t length = strlen(runtimes[i].between);
        for (size_t at = 0; at + length < component.length; at++)
            if (memcmp(component.start + at, runtimes[i].between, length) == 0) {
                manager->container =
                    (struct part){component.start + at + length, component.length - at - length};
                manager->engine = runtimes[i].engine;
                return true;
            }
    }
    return false;
}

static bool is_unit(struct part component)
{
    static const char kinds[][9] = {".service", ".socket", ".mount", ".swap"};
    bool found =
        ends_in(component, ".scope") && !begins_with(component, "session-") && !is(component, "init.scope");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !found; i++)
        found = ends_in(component, kinds[i]);
    return found;
}

/* Below a unit the groups are called as whoever runs in it likes, if they were given to him (Delegate=): no
 * unit, and no container, unless the unit is an engine. */
static bool is_up_to_unit(const struct manager *manager)
{
    static const char engines[][20] = {"containerd.service", "crio.service",    "docker.service",
                                       "podman.service",     "kubelet.service", "k3s.service"};
    bool found = false;
    for (size_t i = 0; i < sizeof engines / sizeof *engines && !found; i++)
        found = is(manager->unit, engines[i]);
    return manager->unit.length && !found;
}

static void take_in(struct manager *manager, struct part above, struct part component)
{
    size_t shape = shape_of(above, component);
    if (is_up_to_unit(manager))
        return;
    if (shape < SHAPES && shapes[shape].engine != ENGINE_NONE) {
        size_t prefix = strlen(shapes[shape].prefix), suffix = strlen(shapes[shape].suffix);
        manager->container = (struct part){component.start + prefix, component.length - prefix - suffix};
        manager->engine = shapes[shape].engine;
        manager->unit.length = 0; /* what is around a container does not run what is inside it */
    } else if (shape == SHAPES && is_in_pod(above, component)) {
        manager->container = component;
        manager->engine = ENGINE_CONTAINERD;
        manager->unit.length = 0;
    } else if (shape == SHAPES && is_folder_of_runtime(manager, component)) {
        manager->unit.length = 0;
    } else if (begins_with(component, "user@") && ends_in(component, ".service")) {
        static const size_t around = sizeof "user@.service" - 1;
        manager->of_user = true;
        manager->user = (struct part){component.start + sizeof "user@" - 1, component.length - around};
    } else if (shape == SHAPES && is_unit(component) && manager->unit.length == 0) {
        manager->unit = component;
    }
}

struct manager manager_of(const char *path)
{
    struct manager manager = {.engine = ENGINE_NONE};
    struct part above = {path, 0};
    while (*path) {
        path += *path == '/';
        struct part component = {path, strcspn(path, "/")};
        take_in(&manager, above, component);
        path += component.length;
        above = component;
    }
    return manager;
}
