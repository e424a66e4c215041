/* SPDX-License-Identifier: MIT
 *
 * A record as one line of JSON. The order of the keys is part of the contract. Contract in record.h.
 */
#include "json_writer.h"
#include "reuseshim/errno_name.h"
#include "reuseshim/record.h"

#include <string.h>

/* ---- values ----------------------------------------------------------------------------------- */

static void errno_key(struct json *json, int error)
{
    char name[32];
    struct text text = text_in(name, sizeof name);
    errno_name_write(&text, error);
    json_string(json, "errno", error ? text_end(&text) : NULL);
}

static void protocol_key(struct json *json, int family, int type, int protocol)
{
    char word[24];
    struct text text = text_in(word, sizeof word);
    protocol_write(&text, family, type, protocol);
    bool unknown = family < 0 || (protocol < 0 && (family == AF_INET || family == AF_INET6));
    json_string(json, "protocol", unknown ? NULL : text_end(&text));
}

static void time_key(struct json *json, const char *key, bool known, int64_t nanoseconds, bool fraction)
{
    char time[40];
    struct text text = text_in(time, sizeof time);
    time_write(&text, nanoseconds, fraction);
    json_string(json, key, known ? text_end(&text) : NULL);
}

static void endpoint_key(struct json *json, const char *key, const struct endpoint *endpoint,
                         const char *device)
{
    char address[48];
    struct text text = text_in(address, sizeof address);
    json_key(json, key);
    if (!endpoint_is_internet(endpoint)) {
        text_string(json->text, "null");
        return;
    }
    address_write(&text, endpoint);
    json_open(json, '{');
    json_string(json, "address", text_end(&text));
    json_number(json, "port", true, endpoint->port);
    json_string(json, "device", device[0] ? device : NULL);
    json_close(json, '}');
}

/* An abstract name begins with '@', as ss(8) and /proc/net/unix show it. */
static void path_key(struct json *json, const char *key, struct unix_path path)
{
    json_key(json, key);
    if (path.length && path.bytes[0] == '\0')
        path.bytes[0] = '@';
    json_open(json, '{');
    json_bytes(json, "path", path.length ? path.bytes : NULL, path.length);
    json_close(json, '}');
}

static void other_key(struct json *json, const struct other_address *other)
{
    static const struct {
        int family;
        char first[12], second[12];
    } names[] = {
        {AF_NETLINK, "nl_pid", "groups"}, {AF_VSOCK, "cid", "port"}, {AF_PACKET, "interface", "protocol"}};
    json_key(json, "local");
    json_open(json, '{');
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].family != other->family)
            continue;
        json_number(json, names[i].first, true, other->first);
        json_number(json, names[i].second, true, other->second);
    }
    json_close(json, '}');
}

static void options_key(struct json *json, const struct newcomer *newcomer)
{
    json_key(json, "options");
    json_open(json, '{');
    for (int i = 0; i < OPTION_COUNT; i++)
        json_tristate(json, option_table[i].word, newcomer ? newcomer->options[i] : UNKNOWN);
    json_close(json, '}');
}

/* A policy is a name or a path; of a long path the end tells more than the beginning. */
static const char *short_policy(const char *policy)
{
    enum { SHOWN = 255 };
    size_t length = policy ? strlen(policy) : 0;
    return length > SHOWN ? policy + length - SHOWN : policy;
}

static void rule_key(struct json *json, const struct record *record)
{
    char place[300];
    struct text text = text_in(place, sizeof place);
    if (record->rule) {
        text_string(&text, rule_source(record->rule, short_policy(record->policy)));
        text_char(&text, ':');
        text_unsigned(&text, record->rule->line);
    }
    json_string(json, "rule", record->rule ? text_end(&text) : NULL);
}

/* ---- a holder --------------------------------------------------------------------------------- */

static void process_item(struct json *json, const struct process *process)
{
    json_item(json);
    json_open(json, '{');
    json_number(json, "pid", true, process->pid);
    json_string(json, "program", process->names.program[0] ? process->names.program : NULL);
    json_string(json, "executable", process->names.executable[0] ? process->names.executable : NULL);
    json_bytes(json, "command", process->command_length ? process->command : NULL, process->command_length);
    json_number(json, "uid", process->uid_known, process->uid);
    time_key(json, "started", process->started >= 0, process->started * 1000000000, false);
    json_bytes(json, "state", process->state ? &process->state : NULL, 1);
    json_string(json, "relation", relation_word(process->relation));
    json_close(json, '}');
}

static void json_part(struct json *json, const char *key, struct part part)
{
    json_bytes(json, key, part.length ? part.start : NULL, part.length);
}

static void holder_item(struct json *json, const struct conflict *conflict, const struct holder *holder)
{
    const struct owners *owners = &conflict->owners[holder->owners];
    struct manager manager = conflict_manager(conflict, holder);
    const char *cgroup = holder->cgroup ? conflict->cgroups[holder->cgroup - 1].path : "";
    json_item(json);
    json_open(json, '{');
    protocol_key(json, holder->local.family, -1, holder->protocol);
    if (holder->local.family == AF_UNIX)
        path_key(json, "local", holder->path);
    else
        endpoint_key(json, "local", &holder->local, holder->device_name);
    endpoint_key(json, "remote", &holder->remote, holder->device_name);
    json_string(json, "state", state_word(holder));
    json_number(json, "timer_ms", holder->timer_ms >= 0, holder->timer_ms);
    json_number(json, "inode", holder->inode != 0, (int64_t)holder->inode);
    json_number(json, "uid", holder->uid_known, holder->uid);
    json_string(json, "device", holder->device_name[0] ? holder->device_name : NULL);
    json_tristate(json, "v6only", holder->v6only);
    json_tristate(json, "reuseaddr", holder->reuseaddr);
    json_tristate(json, "reuseport", holder->reuseport);
    json_tristate(json, "blocks", holder->blocks);
    json_string(json, "cgroup", cgroup[0] ? cgroup : NULL);
    json_string(json, "owner", owner_word(holder->owner));
    json_part(json, "unit", manager.unit);
    json_part(json, "container", manager.container);
    json_key(json, "processes");
    json_open(json, '[');
    for (uint32_t i = 0; i < owners->count && i < PROCESSES_MAX; i++)
        process_item(json, &owners->processes[i]);
    json_close(json, ']');
    json_close(json, '}');
}

static void conflict_keys(struct json *json, const struct conflict *conflict, uint32_t shown)
{
    uint32_t count = conflict ? conflict->holder_count : 0;
    uint32_t listed = count < shown ? count : shown;
    json_string(json, "cause", conflict ? cause_word(conflict->cause) : NULL);
    json_key(json, "holders");
    json_open(json, '[');
    for (uint32_t i = 0; i < listed; i++)
        holder_item(json, conflict, &conflict->holders[i]);
    json_close(json, ']');
    json_number(json, "holders_omitted", true,
                conflict ? (int64_t)conflict->holders_omitted + count - listed : 0);
}

/* ---- how it ended, and what helps ------------------------------------------------------------- */

static void outcome_keys(struct json *json, const struct record *record)
{
    bool failed = record->event == EVENT_CONFLICT || record->event == EVENT_REFUSED;
    bool known = failed || record->event == EVENT_RESOLVED;
    const char *outcome = failed ? "failed" : record->evicted ? "evicted" : "waited";
    json_string(json, "outcome", known ? outcome : NULL);
    json_number(json, "waited_ms", known, record->waited_ms);
    json_number(json, "evicted", known, (int64_t)record->evicted);
}

static void cure_item(struct json *json, const struct cure *cure)
{
    json_item(json);
    json_open(json, '{');
    json_string(json, "text", cure->text);
    json_string(json, "rules", cure->rules[0] ? cure->rules : NULL);
    json_string(json, "policy", cure->policy);
    json_string(json, "apply_to", apply_to_word(cure->apply_to));
    json_key(json, "needs");
    json_open(json, '[');
    for (unsigned need = 1; need_word(need); need <<= 1)
        if (cure->needs & need) {
            json_item(json);
            text_json(json->text, need_word(need), strlen(need_word(need)));
        }
    json_close(json, ']');
    json_close(json, '}');
}

static void cures_keys(struct json *json, const struct record *record)
{
    const struct conflict *conflict = record->conflict;
    json_key(json, "cures");
    json_open(json, '[');
    for (uint32_t i = 0; conflict && i < conflict->cure_count; i++)
        cure_item(json, &conflict->cures[i]);
    json_close(json, ']');
    json_key(json, "diagnosis");
    json_open(json, '{');
    json_string(json, "source", source_word(conflict ? conflict->source : SOURCE_NONE));
    json_string(json, "reason", bare_word(record->bare));
    json_tristate(json, "complete", conflict && conflict->complete ? YES : NO);
    json_number(json, "elapsed_us", conflict != NULL, conflict ? conflict->elapsed_us : 0);
    json_number(json, "age_ms", conflict && conflict->source == SOURCE_EARLIER, record->age_ms);
    json_close(json, '}');
}

/* ---- all of it -------------------------------------------------------------------------------- */

static void newcomer_keys(struct json *json, const struct newcomer *newcomer)
{
    static const struct endpoint nowhere = {.family = AF_UNSPEC};
    const char *device = newcomer ? newcomer->device_name : "";
    json_number(json, "fd", newcomer != NULL, newcomer ? newcomer->fd : 0);
    protocol_key(json, newcomer ? newcomer->family : -1, newcomer ? newcomer->type : -1,
                 newcomer ? newcomer->protocol : -1);
    if (newcomer && newcomer->other.family)
        other_key(json, &newcomer->other);
    else if (newcomer && newcomer->local.family == AF_UNIX)
        path_key(json, "local", newcomer->path);
    else
        endpoint_key(json, "local", newcomer ? &newcomer->local : &nowhere, device);
    endpoint_key(json, "remote", newcomer ? &newcomer->remote : &nowhere, device);
    options_key(json, newcomer);
}

void record_write_json(struct text *text, const struct record *record, uint32_t shown)
{
    struct json json = {.text = text};
    const struct newcomer *newcomer = record->newcomer;
    const struct conflict *conflict = record->conflict;
    const char *because = conflict && conflict->because[0] ? conflict->because : NULL;
    json_open(&json, '{');
    time_key(&json, "time", true, record->time_ns, true);
    json_string(&json, "event", event_word(record->event));
    json_string(&json, "call", newcomer ? call_word(newcomer->call) : NULL);
    errno_key(&json, newcomer ? newcomer->error : 0);
    json_number(&json, "pid", true, record->pid);
    json_number(&json, "tid", true, record->tid);
    json_string(&json, "program", record->program[0] ? record->program : NULL);
    json_number(&json, "uid", true, record->uid);
    newcomer_keys(&json, newcomer);
    json_string(&json, "policy", short_policy(record->policy));
    rule_key(&json, record);
    conflict_keys(&json, conflict, shown);
    outcome_keys(&json, record);
    cures_keys(&json, record);
    json_number(&json, "repeated", true, (int64_t)record->repeated);
    json_number(&json, "lost", true, (int64_t)record->lost);
    json_string(&json, "message", record->message ? record->message : because);
    json_close(&json, '}');
    text_char(text, '\n');
}
