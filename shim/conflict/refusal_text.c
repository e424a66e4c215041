/* SPDX-License-Identifier: MIT
 *
 * What the sentence about a refusal of bind says beyond its cause. Contract in steps.h.
 */
#include "reuseshim/text.h"
#include "steps.h"

void refusal_write(struct text *text, const struct conflict *conflict, const struct newcomer *newcomer)
{
    const struct refusal *refusal = &conflict->refusal;
    switch (conflict->cause) {
    case CAUSE_ADDRESS_TENTATIVE:
        text_string(text, ": on ");
        text_name(text, refusal->interface);
        text_string(text, refusal->duplicate
                              ? " duplicate address detection has found another machine that has it"
                              : " duplicate address detection has not ended");
        break;
    case CAUSE_INTERFACE_DOWN:
        text_string(text, ": ");
        text_name(text, refusal->interface);
        break;
    case CAUSE_PRIVILEGED_PORT:
        text_string(text, "; the bound is ");
        text_unsigned(text, refusal->first_unprivileged);
        text_string(text, " (net.ipv4.ip_unprivileged_port_start)");
        text_string(text, refusal->has_right
                              ? "; this program has the capability, but not in the user namespace "
                                "that this network namespace belongs to"
                              : "");
        break;
    case CAUSE_DENIED:
        text_string(
            text, refusal->of_cgroup
                      ? ": EPERM comes from a BPF program on the cgroup (SocketBindDeny= of systemd) or from "
                        "a security module"
                      : ": the port is not privileged, so EACCES comes from a security module (AppArmor, "
                        "SELinux) or a Landlock sandbox");
        break;
    case CAUSE_IPV6_OFF:
        text_string(
            text, endpoint_is_loopback(newcomer->call == CALL_CONNECT ? &newcomer->remote : &newcomer->local)
                      ? " (net.ipv6.conf.lo.disable_ipv6, or no IPv6 in the kernel)"
                      : " (net.ipv6.conf.all.disable_ipv6, or no IPv6 in the kernel)");
        break;
    case CAUSE_NO_INTERFACE:
        text_string(text, refusal->on_another ? "; the one that was named has not got it, but "
                                              : "; this one was given without");
        if (refusal->on_another)
            text_name(text, refusal->interface);
        break;
    default:
        break;
    }
    if (refusal->lacks_right_too) {
        text_string(text, "; and a port below ");
        text_unsigned(text, refusal->first_unprivileged);
        text_string(text, " needs CAP_NET_BIND_SERVICE, which this program has not got");
    }
}
