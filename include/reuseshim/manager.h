/* SPDX-License-Identifier: MIT
 *
 * Who keeps a process running, by the path of its cgroup: a unit of systemd, a container of some engine.
 * Pure, async-signal-safe.
 */
#ifndef REUSESHIM_MANAGER_H
#define REUSESHIM_MANAGER_H

#include <stdbool.h>
#include <stddef.h>

/* NAME, the engine in words, and the command that stops one of its containers, with the id behind it. */
#define ENGINES(_)                                                                                           \
    _(DOCKER, "docker", "docker stop")                                                                       \
    _(PODMAN, "podman", "podman stop")                                                                       \
    _(CONTAINERD, "containerd", "crictl stop")                                                               \
    _(CRIO, "CRI-O", "crictl stop")                                                                          \
    _(NERDCTL, "nerdctl", "nerdctl stop")                                                                    \
    _(LXC, "LXC", "lxc-stop -n")                                                                             \
    _(NSPAWN, "systemd-nspawn", "machinectl poweroff")

#define ENGINE_ENUMERATOR(name, ...) ENGINE_##name,
enum engine { ENGINE_NONE, ENGINES(ENGINE_ENUMERATOR) ENGINE_COUNT };
const char *engine_word(enum engine engine);    /* "" for ENGINE_NONE */
const char *engine_command(enum engine engine); /* the same */

/* A part of a path; length 0 for none. */
struct part {
    const char *start;
    size_t length;
};

struct manager {
    struct part unit;      /* "nginx.service", "x.socket"; the innermost one. No slice, and no scope of a
                            * container, a session or of systemd itself. */
    bool of_user;          /* of a user's own systemd */
    struct part user;      /* "1000" of that one */
    struct part container; /* its id or name */
    enum engine engine;
};

/* Of "/system.slice/nginx.service" and the like; what it finds points into `path`. */
struct manager manager_of(const char *path);

#endif
