/* SPDX-License-Identifier: MIT
 *
 * Which unit or container a cgroup belongs to.
 */
#include "reuseshim/manager.h"
#include "tap.h"

#include <string.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static bool same(struct part part, const char *expected)
{
    return part.length == strlen(expected) &&
           (part.length == 0 || memcmp(part.start, expected, part.length) == 0);
}

static void check(const char *path, const char *unit, const char *engine, const char *container)
{
    struct manager manager = manager_of(path);
    bool good = same(manager.unit, unit) && same(manager.container, container) &&
                strcmp(engine_word(manager.engine), engine) == 0;
    ok(good, path[0] ? path : "nothing");
    if (!good)
        printf("# unit %.*s, %s, container %.*s\n", (int)manager.unit.length, manager.unit.start,
               engine_word(manager.engine), (int)manager.container.length, manager.container.start);
}

int main(void)
{
    check("", "", "", "");
    check("/", "", "", "");
    check("/init.scope", "", "", "");
    check("/system.slice/nginx.service", "nginx.service", "", "");
    check("/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service", "", "");
    check("/system.slice/cups.socket", "cups.socket", "", "");
    check("/system.slice/redis.service/workers/3", "redis.service", "", "");
    check("/system.slice/run-r12.scope", "run-r12.scope", "", "");
    check("/user.slice/user-1000.slice/session-3.scope", "", "", "");
    check("/user.slice/user-1000.slice/user@1000.service/app.slice/web.service", "web.service", "", "");
    check("/user.slice/user-1000.slice/user@1000.service/init.scope", "", "", "");
    check("/system.slice/docker-" ID ".scope", "", "docker", ID);
    check("/docker/" ID, "", "docker", ID);
    check("/system.slice/docker.service", "docker.service", "", "");
    check("/machine.slice/libpod-" ID ".scope/container", "", "podman", ID);
    check("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope", "", "podman", ID);
    check("/machine.slice/libpod-conmon-" ID ".scope", "", "podman", ID);
    check("/libpod_parent/libpod-" ID, "", "podman", ID);
    check("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/cri-containerd-" ID
          ".scope",
          "", "containerd", ID);
    check("/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:" ID, "", "containerd", ID);
    check("/kubepods-besteffort-pod1.slice:crio:" ID, "", "CRI-O", ID);
    check("/kubepods/burstable/pod12-34/" ID, "", "containerd", ID);
    check("/kubepods.slice/kubepods-pod1.slice/crio-" ID ".scope", "", "CRI-O", ID);
    check("/lxc.payload.web", "", "LXC", "web");
    check("/lxc/web", "", "LXC", "web");
    check("/lxc.payload.web/system.slice/nginx.service", "nginx.service", "LXC", "web");
    check("/lxc.monitor.web", "", "", "");
    check("/machine.slice/systemd-nspawn@debian.service/payload/system.slice/ssh.service", "ssh.service",
          "systemd-nspawn", "debian");
    check("/machine.slice/machine-debian.scope", "", "systemd-nspawn", "debian");
    /* Forged in a group that was given away. */
    check("/system.slice/web.service/ssh.service", "web.service", "", "");
    check("/system.slice/web.service/docker-" ID ".scope", "web.service", "", "");
    check("/system.slice/web.service/x:docker:" ID, "web.service", "", "");
    check("/system.slice/docker.service/docker/" ID, "", "docker", ID);
    check("/lxc.payload.web/system.slice/nginx.service/ssh.service", "nginx.service", "LXC", "web");
    check("/lxc.payload.web/system.slice/nginx.service/lxc.payload.other", "nginx.service", "LXC", "web");
    return tap_end();
}
