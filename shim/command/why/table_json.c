/* SPDX-License-Identifier: MIT
 *
 * Contract in table_json.h.
 */
#include "table_json.h"

#include "../../record/json_writer.h"

#include <stdio.h>
#include <stdlib.h>

static void protocol_key(struct json *json, const struct holder *holder)
{
    char word[24];
    struct text text = text_in(word, sizeof word);
    protocol_write(&text, holder->local.family, -1, holder->protocol);
    json_string(json, "protocol", text_end(&text));
}

/* As records have it. */
static void local_key(struct json *json, const struct holder *holder)
{
    char address[48];
    struct text text = text_in(address, sizeof address);
    address_write(&text, &holder->local);
    json_key(json, "local");
    json_open(json, '{');
    json_string(json, "address", text_end(&text));
    json_number(json, "port", true, holder->local.port);
    json_string(json, "device", holder->device_name[0] ? holder->device_name : NULL);
    json_close(json, '}');
}

static void process_item(struct json *json, const struct process *process)
{
    json_item(json);
    json_open(json, '{');
    json_number(json, "pid", true, process->pid);
    json_string(json, "program", process->names.program[0] ? process->names.program : NULL);
    json_bytes(json, "command", process->command_length ? process->command : NULL, process->command_length);
    json_number(json, "uid", process->uid_known, process->uid);
    json_close(json, '}');
}

bool table_json(const struct ports *ports, const struct port_row *row)
{
    /* A byte of a name takes six at most. */
    size_t size = 8192 + row->process_count * (6 * sizeof(struct process) + 128);
    char *line = malloc(size);
    if (line == NULL)
        return false;
    struct text text = text_in(line, size);
    struct json json = {.text = &text};
    json_open(&json, '{');
    protocol_key(&json, row->holder);
    local_key(&json, row->holder);
    json_string(&json, "state", state_word(row->holder));
    json_number(&json, "uid", row->holder->uid_known, row->holder->uid);
    json_string(&json, "unit", row->group.unit[0] ? row->group.unit : NULL);
    json_string(&json, "container", row->group.container[0] ? row->group.container : NULL);
    json_key(&json, "processes");
    json_open(&json, '[');
    for (uint32_t i = 0; i < row->process_count; i++)
        process_item(&json, ports->row_processes[row->first_process + i]);
    json_close(&json, ']');
    json_number(&json, "shared", true, row->shared);
    json_close(&json, '}');
    puts(text_end(&text));
    free(line);
    return true;
}
