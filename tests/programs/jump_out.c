/* SPDX-License-Identifier: MIT
 *
 * jump_out PORT TIMES: so often a handler leaves a refused bind of 127.0.0.1:PORT by siglongjmp(3), at
 * another moment each time. Prints on how many of these sockets SO_REUSEADDR is on afterwards.
 */
#define _DEFAULT_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static sigjmp_buf out;

static void leave(int number)
{
    siglongjmp(out, number);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    volatile int left = 0;
    if (argc != 3)
        return 2;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)atoi(argv[1]));
    signal(SIGALRM, leave);
    for (volatile int i = 0; i < atoi(argv[2]); i++) {
        volatile int fd = socket(AF_INET, SOCK_STREAM, 0);
        const struct itimerval soon = {{0, 0}, {0, 100 + i * 37 % 700}};
        if (sigsetjmp(out, 1) == 0) {
            setitimer(ITIMER_REAL, &soon, NULL);
            for (;;)
                if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0)
                    return 1;
        }
        int on = 0;
        socklen_t length = sizeof on;
        getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, &length);
        left += on != 0;
        close(fd);
    }
    printf("left on %d\n", left);
    return 0;
}
