/* SPDX-License-Identifier: MIT
 *
 * Numbers of the kernel's interface that a libc's headers may not have. None of them ever changes.
 */
#ifndef REUSESHIM_LINUX_H
#define REUSESHIM_LINUX_H

#include <netinet/in.h>
#include <sys/socket.h>

#ifndef SO_BINDTODEVICE
#define SO_BINDTODEVICE 25
#endif
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* Linux 5.14 */
#endif
#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24 /* Linux 4.2 */
#endif
#ifndef IP_FREEBIND
#define IP_FREEBIND 15 /* of an IPv6 socket, too: ipv6_setsockopt() passes SOL_IP on */
#endif
#ifndef IP_RECVERR_RFC4884
#define IP_RECVERR_RFC4884 26 /* Linux 5.9 */
#endif
#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51 /* Linux 6.3; the low port in the low half */
#endif

#endif
