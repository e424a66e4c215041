/* SPDX-License-Identifier: MIT
 *
 * Contract in scene.h.
 */
#include "scene.h"

#include "../why/operand.h"
#include "reuseshim/command.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* In the order of the bits ASKS_*. */
static const char letters[] = "APLX";
enum { USER = 1000, OTHER_USER };

bool asks_read(uint8_t *asks, const char *word, size_t length)
{
    *asks = 0;
    if (length == 1 && word[0] == '-')
        return true;
    for (size_t i = 0; i < length; i++) {
        const char *letter = word[i] ? strchr(letters, word[i]) : NULL;
        if (letter == NULL)
            return false;
        *asks |= (uint8_t)(1U << (letter - letters));
    }
    return length > 0;
}

void asks_write(struct text *text, uint8_t asks)
{
    for (size_t i = 0; i < ASKS_COUNT; i++)
        if (asks & 1U << i)
            text_char(text, letters[i]);
    if (asks == 0)
        text_char(text, '-');
}

static bool complain(const char *word, const char *expected)
{
    command_error("matrix: --explain: '", word, "': expected ", expected, (char *)NULL);
    return false;
}

static bool read_address(struct system_socket *socket, const char *word)
{
    const struct kinds both = {.tcp = true, .udp = true, .v4 = true, .v6 = true};
    struct operand operand = {.address_count = 0};
    if (strchr(word, ':') == NULL)
        return complain(word, "an address and a port such as 0.0.0.0:80 or [::1]:80");
    if (!operand_read(&operand, &both, "matrix", word))
        return false;
    if (operand.address_count == 0 || !operand_is_single(&operand) || operand.ranges[0].first == 0)
        return complain(word, "an address and one port such as 0.0.0.0:80 or [::1]:80");
    socket->local = operand.addresses[0];
    socket->local.port = operand.ranges[0].first;
    return true;
}

/* What may stand behind an address, besides the letters. */
static const struct {
    char word[12];
    uint8_t stage;
    bool other_user, v6only;
} marks[] = {{"listen", STAGE_LISTENING, false, false},
             {"connected", STAGE_CONNECTED, false, false},
             {"time-wait", STAGE_TIME_WAIT, false, false},
             {"other-user", STAGE_BOUND, true, false},
             {"v6only", STAGE_BOUND, false, true}};

static bool read_mark(struct system_socket *socket, const char *word)
{
    uint8_t asks;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (strcmp(marks[i].word, word) == 0) {
            socket->stage = marks[i].stage ? marks[i].stage : socket->stage;
            socket->v6only |= marks[i].v6only;
            socket->user = marks[i].other_user ? OTHER_USER : socket->user;
            return true;
        }
    if (!asks_read(&asks, word, strlen(word)))
        return complain(word,
                        "letters of A reuseaddr, P reuseport, L reuseport_lb, X exclusive, or -; or listen, "
                        "connected, time-wait, other-user, v6only, or + and the next socket");
    socket->asks |= asks;
    return true;
}

/* One word more. *has_address: the socket at hand has one already. */
static bool take(struct scene *scene, const char *word, int protocol, bool *has_address)
{
    struct system_socket *socket = &scene->sockets[scene->count];
    if (strcmp(word, "+") == 0) {
        if (!*has_address)
            return complain(word, "an address and a port before it");
        if (scene->count + 2 > SCENE_MAX)
            return complain(word, "at most eight sockets");
        scene->count++;
        *has_address = false;
        return true;
    }
    if (*has_address)
        return read_mark(socket, word);
    *socket = (struct system_socket){.protocol = protocol, .user = USER};
    *has_address = read_address(socket, word);
    return *has_address;
}

static bool is_whole(const struct scene *scene, bool has_address)
{
    const struct system_socket *sockets = scene->sockets;
    if (!has_address)
        return complain("+", "an address and a port behind it");
    for (size_t i = 0; i + 1 < scene->count; i++)
        if (sockets[i].local.port != sockets[scene->count - 1].local.port) {
            char port[8];
            snprintf(port, sizeof port, "%u", sockets[i].local.port);
            return complain(port, "the same port for all; different ones never meet");
        }
    return true;
}

bool scene_read(struct scene *scene, const char *words)
{
    static const char blanks[] = " \t\n";
    char word[128];
    int protocol = 0;
    bool has_address = false;
    scene->count = 0;
    for (words += strspn(words, blanks); *words; words += strspn(words, blanks)) {
        size_t length = strcspn(words, blanks);
        snprintf(word, sizeof word, "%.*s", (int)length, words);
        words += length;
        if (protocol == 0) {
            protocol = strcmp(word, "tcp") == 0 ? IPPROTO_TCP : strcmp(word, "udp") == 0 ? IPPROTO_UDP : 0;
            if (protocol == 0)
                return complain(word, "tcp or udp");
        } else if (!take(scene, word, protocol, &has_address)) {
            return false;
        }
    }
    if (protocol == 0)
        return complain("", "such as 'udp 0.0.0.0:5353 A + 127.0.0.1:5353 P'");
    scene->count++;
    return is_whole(scene, has_address);
}
