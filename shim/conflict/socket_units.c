/* SPDX-License-Identifier: MIT
 *
 * The socket unit for which systemd itself holds a port. Where sockets are made in the cgroup of process 1
 * nothing but the units' files tells (systemd.unit(5), "Unit File Load Path"). Contract in steps.h.
 */
#include "reuseshim/deadline.h"
#include "reuseshim/proc.h"
#include "reuseshim/protocol.h"
#include "reuseshim/text.h"
#include "steps.h"

#include <string.h>

static const char folders[][32] = {"/etc/systemd/system",     "/run/systemd/system",
                                   "/run/systemd/generator",  "/usr/local/lib/systemd/system",
                                   "/usr/lib/systemd/system", "/lib/systemd/system"};

/* The one unit that names the port, as far as the folders have been looked through. A file hides those of its
 * name in the folders behind. */
struct unit_search {
    struct conflict *conflict;
    const char *setting; /* "ListenStream=" */
    uint16_t port;
    size_t folder; /* index of the one that is looked through */
    bool several;
};

static bool ends_in_socket(const char *name)
{
    static const char suffix[] = ".socket";
    size_t length = strlen(name);
    return length > sizeof suffix - 1 && strcmp(name + length - (sizeof suffix - 1), suffix) == 0;
}

/* "8080", "127.0.0.1:8080", "[::]:8080", with blanks around. */
static bool names_port(const char *value, size_t length, uint16_t port)
{
    uint64_t number;
    while (length && (value[length - 1] == ' ' || value[length - 1] == '\t' || value[length - 1] == '\r'))
        length--;
    size_t start = length;
    while (start > 0 && value[start - 1] >= '0' && value[start - 1] <= '9')
        start--;
    bool alone = start == 0 || value[start - 1] == ':' || value[start - 1] == ' ' || value[start - 1] == '\t';
    return alone && text_to_number(value + start, length - start, 65535, &number) && number == port;
}

static bool listens_there(const struct unit_search *search, const char *unit)
{
    for (const char *line = unit; *line;) {
        size_t length = strcspn(line, "\n"), setting = strlen(search->setting);
        if (length > setting && strncmp(line, search->setting, setting) == 0 &&
            names_port(line + setting, length - setting, search->port))
            return true;
        line += length + (line[length] == '\n');
    }
    return false;
}

static bool is_hidden(const struct unit_search *search, const char *name)
{
    char path[320];
    struct raw_identity file;
    for (size_t i = 0; i < search->folder; i++) {
        struct text text = text_in(path, sizeof path);
        text_strings(&text, folders[i], "/", name);
        if (raw_identify_link(text_end(&text), &file))
            return true;
    }
    return false;
}

static void look_at(struct unit_search *search, const char *folder, const char *name)
{
    struct conflict *conflict = search->conflict;
    char path[320];
    struct text text = text_in(path, sizeof path);
    text_strings(&text, folder, "/", name);
    text_end(&text);
    if (text.full || strlen(name) >= sizeof conflict->socket_unit ||
        strcmp(name, conflict->socket_unit) == 0 || is_hidden(search, name) ||
        proc_read(path, conflict->room, sizeof conflict->room) <= 0 || !listens_there(search, conflict->room))
        return;
    search->several |= conflict->socket_unit[0] != '\0';
    memcpy(conflict->socket_unit, name, strlen(name) + 1);
}

void socket_unit_find(struct conflict *conflict, const struct newcomer *newcomer, struct scratch *scratch)
{
    struct unit_search search = {.conflict = conflict,
                                 .setting = protocol_is_udp(newcomer->protocol) ? "ListenDatagram="
                                                                                : "ListenStream=",
                                 .port = newcomer->local.port};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        search.folder = i;
        struct folder folder = folder_open(folders[i], scratch->bytes, sizeof scratch->bytes);
        const struct raw_entry *entry;
        while (!deadline_has_passed(conflict->deadline) && (entry = folder_next(&folder)) != NULL)
            if (ends_in_socket(entry->name))
                look_at(&search, folders[i], entry->name);
        folder_close(&folder);
    }
    if (search.several)
        conflict->socket_unit[0] = '\0';
}
