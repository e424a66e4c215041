/* SPDX-License-Identifier: MIT
 *
 * What a process is called, by what it was started with.
 */
#include "reuseshim/names.h"
#include "tap.h"

#include <string.h>

/* Arguments as /proc/PID/cmdline has them, written with '|' for the NUL. */
static void check(const char *executable, const char *kernel_name, const char *arguments, const char *program)
{
    struct names names = {.program = ""};
    char bytes[256];
    size_t length = strlen(arguments) + 1;
    memcpy(bytes, arguments, length);
    for (size_t i = 0; i < length; i++)
        bytes[i] = bytes[i] == '|' ? '\0' : bytes[i];
    memcpy(names.executable, executable, strlen(executable) + 1);
    names_choose(&names, kernel_name, bytes, length);
    ok(strcmp(names.program, program) == 0, arguments);
    if (strcmp(names.program, program) != 0)
        printf("# it was called %s\n", names.program);
}

int main(void)
{
    check("python3.11", "python3", "python3|srv.py|80", "srv.py");
    check("python3.11", "python3", "python3|-u|-W|ignore|/opt/srv.py", "srv.py");
    check("python3.11", "python3", "python3|-Wignore|srv.py", "srv.py");
    check("python3.11", "python3", "python3|-X|importtime|srv.py", "srv.py");
    check("python3.11", "python3", "python3|--|srv.py", "srv.py");
    check("python3.11", "python3", "python3|-|nginx", "python3");
    check("python3.11", "python3", "python3|-c|import nginx|nginx", "python3");
    check("python3.11", "python3", "python3|-m|http.server", "python3");
    check("perl", "perl", "perl|-I|lib|billing", "billing");
    check("perl", "perl", "perl|-w|-Mstrict|billing", "billing");
    check("ruby3.1", "ruby", "ruby|-r|json|-I|lib|rb.rb", "rb.rb");
    check("php8.2", "php", "php|-d|memory_limit=1G|s.php", "s.php");
    check("php8.2", "php", "php|-f|s.php", "s.php");
    check("php8.2", "php", "php|-S|127.0.0.1:80", "php");
    check("node", "node", "node|-r|fs|app.js", "app.js");
    check("node", "node", "node|--inspect|app.js", "node");
    check("bash", "bash", "bash|-e|-o|pipefail|run.sh", "run.sh");
    check("dash", "sh", "sh|-c|exec nginx", "sh");
    check("bash", "bash", "-bash", "bash");
    check("nginx", "nginx", "nginx|-c|x.conf", "nginx");
    check("busybox", "busybox", "busybox|httpd|-p|80", "httpd");
    return tap_end();
}
