/* SPDX-License-Identifier: MIT
 *
 * Contract in table.h.
 */
#include "table.h"

#include "../terminal.h"
#include "answer.h"
#include "notes.h"
#include "ports.h"
#include "reuseshim/command.h"
#include "table_json.h"
#include "users.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CELL_SIZE = 512, GAP = 2, PROGRAMS_SHOWN = 2 };

/* What is left out, or made shorter, where the terminal is narrow. */
enum { SHORT_USERS = 1, NO_USERS = 2, SHORT_GROUPS = 4, SHORT_COUNTS = 8, NO_STATES = 16 };

/* ---- cells ------------------------------------------------------------------------------------------ */

static void write_name(struct text *text, const char *name)
{
    text_escaped(text, name, strlen(name));
}

static void write_protocol(struct text *text, const struct ports *ports, const struct port_row *row,
                           unsigned form)
{
    (void)ports;
    (void)form;
    protocol_write(text, row->holder->local.family, -1, row->holder->protocol);
}

static void write_local(struct text *text, const struct ports *ports, const struct port_row *row,
                        unsigned form)
{
    (void)ports;
    (void)form;
    answer_address(text, &row->holder->local, row->holder->device_name);
}

static void write_state(struct text *text, const struct ports *ports, const struct port_row *row,
                        unsigned form)
{
    (void)ports;
    if (!(form & NO_STATES))
        text_string(text, state_word(row->holder));
}

static bool same_program(const struct process *one, const struct process *other)
{
    return strcmp(one->names.program, other->names.program) == 0;
}

/* "pid 712 (nginx) and 4 others": of each program the first, which is the master if it is among them. */
static void write_processes(struct text *text, const struct process *const *processes, uint32_t count,
                            unsigned form)
{
    uint32_t programs = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t before = 0, others = 0;
        while (before < i && !same_program(processes[before], processes[i]))
            before++;
        if (before < i)
            continue;
        if (programs++ == PROGRAMS_SHOWN) {
            text_string(text, " and more");
            return;
        }
        for (uint32_t at = i + 1; at < count; at++)
            others += same_program(processes[i], processes[at]);
        text_string(text, programs > 1 ? ", pid " : "pid ");
        text_signed(text, processes[i]->pid);
        text_string(text, " (");
        text_name(text, processes[i]->names.program[0] ? processes[i]->names.program : "?");
        bool stopped = processes[i]->state == 'T' || processes[i]->state == 't';
        text_string(text, stopped ? ", stopped)" : ")");
        if (others) {
            text_string(text, form & SHORT_COUNTS ? " +" : " and ");
            text_unsigned(text, others);
            text_string(text, form & SHORT_COUNTS ? "" : others == 1 ? " other" : " others");
        }
    }
}

static void write_owner(struct text *text, const struct ports *ports, const struct port_row *row,
                        unsigned form)
{
    static const char *const hidden[] = {[HIDDEN_BY_PERMISSION] = "owner hidden",
                                         [HIDDEN_ELSEWHERE] = "owner outside of this PID namespace",
                                         [HIDDEN_IN_KERNEL] = "no process has it open",
                                         [HIDDEN_BY_INIT] = "process 1, or no process"};
    if (row->process_count)
        write_processes(text, ports->row_processes + row->first_process, row->process_count, form);
    else
        text_string(text, row->owner == OWNER_HIDDEN ? hidden[row->hidden] : "owner not found in time");
}

static void write_user(struct text *text, const struct ports *ports, const struct port_row *row,
                       unsigned form)
{
    const char *name = row->holder->uid_known ? user_name(row->holder->uid) : "";
    (void)ports;
    if (form & NO_USERS || !row->holder->uid_known)
        return;
    if (form & SHORT_USERS && name[0]) {
        write_name(text, name);
        return;
    }
    text_string(text, "uid ");
    text_unsigned(text, row->holder->uid);
    if (name[0] == '\0')
        return;
    text_string(text, " (");
    write_name(text, name);
    text_string(text, ")");
}

/* Long names lose their middle. */
static void write_short(struct text *text, const char *name, size_t shown)
{
    size_t length = strlen(name), head = shown / 2, tail = shown - head - 3;
    if (length <= shown) {
        write_name(text, name);
        return;
    }
    text_escaped(text, name, head);
    text_string(text, "...");
    text_escaped(text, name + length - tail, tail);
}

static void write_group(struct text *text, const struct ports *ports, const struct port_row *row,
                        unsigned form)
{
    enum { ID_SHOWN = 12, LONG_ID = 64, SHORT = 20 };
    const struct port_group *group = &row->group;
    size_t id = strlen(group->container);
    (void)ports;
    if (id) {
        text_strings(text, engine_word(group->engine), " ");
        text_escaped(text, group->container, id == LONG_ID ? ID_SHOWN : id);
    }
    if (group->unit[0] == '\0')
        return;
    text_string(text, id ? " " : "");
    write_short(text, group->unit, form & SHORT_GROUPS ? SHORT : CELL_SIZE);
}

static void write_part(struct text *text, uint32_t count, const char *what)
{
    if (count < 2)
        return;
    text_string(text, ", ");
    text_unsigned(text, count);
    text_strings(text, " ", what);
}

/* Is the place shared by more than one server with all that it started itself? */
static bool is_shared(const struct port_row *row)
{
    return row->instances > 1;
}

static void write_shared(struct text *text, const struct ports *ports, const struct port_row *row,
                         unsigned form)
{
    (void)ports;
    if (row->shared < 2)
        return;
    text_string(text, is_shared(row) ? "shared: " : "");
    text_unsigned(text, row->shared);
    text_string(text, " sockets");
    if (!is_shared(row) || form & SHORT_COUNTS)
        return;
    write_part(text, row->programs, "programs");
    write_part(text, row->programs < 2 && row->process_count ? row->instances : 0, "instances");
    write_part(text, row->users, "users");
}

/* ---- columns ---------------------------------------------------------------------------------------- */

typedef void cell_writer(struct text *, const struct ports *, const struct port_row *, unsigned form);

static const struct {
    cell_writer *write;
    int most; /* a longer one moves the rest of its own line only */
} columns[] = {{write_protocol, 8}, {write_local, 27}, {write_state, 11}, {write_owner, 40},
               {write_user, 24},    {write_group, 40}, {write_shared, 0}};
enum { COLUMNS = sizeof columns / sizeof *columns };

struct layout {
    unsigned form;
    int widths[COLUMNS];
};

static int write_cell(char cell[CELL_SIZE], size_t column, const struct ports *ports,
                      const struct port_row *row, unsigned form)
{
    struct text text = text_in(cell, CELL_SIZE);
    columns[column].write(&text, ports, row, form);
    text_end(&text);
    return terminal_columns(cell, text.used);
}

/* A row as it stands in its columns. */
static void write_row(struct text *line, const struct ports *ports, const struct port_row *row,
                      const struct layout *layout)
{
    char cell[CELL_SIZE];
    size_t end = 0;
    for (size_t i = 0; i < COLUMNS; i++) {
        if (layout->widths[i] == 0 && i + 1 < COLUMNS)
            continue;
        int wide = write_cell(cell, i, ports, row, layout->form);
        text_string(line, cell);
        if (wide)
            end = line->used;
        for (int blank = wide; blank < layout->widths[i] + GAP; blank++)
            text_char(line, ' ');
        if (wide >= layout->widths[i] + GAP)
            text_string(line, "  ");
    }
    line->used = end; /* no blanks behind the last */
}

static struct layout layout_for(const struct ports *ports, unsigned form)
{
    char cell[CELL_SIZE];
    struct layout layout = {.form = form};
    for (size_t row = 0; row < ports->row_count; row++)
        for (size_t i = 0; i < COLUMNS; i++) {
            int wide = write_cell(cell, i, ports, &ports->rows[row], form);
            wide = wide < columns[i].most ? wide : columns[i].most;
            layout.widths[i] = wide > layout.widths[i] ? wide : layout.widths[i];
        }
    return layout;
}

static bool fits(const struct ports *ports, const struct layout *layout, int width)
{
    char buffer[COLUMNS * CELL_SIZE];
    for (size_t row = 0; row < ports->row_count; row++) {
        struct text line = text_in(buffer, sizeof buffer);
        write_row(&line, ports, &ports->rows[row], layout);
        if (terminal_columns(buffer, line.used) > width)
            return false;
    }
    return true;
}

/* The fullest one that fits; if none does, the last, and lines are wrapped. */
static struct layout choose(const struct ports *ports)
{
    static const unsigned forms[] = {0,
                                     SHORT_USERS,
                                     NO_USERS,
                                     NO_USERS | SHORT_GROUPS,
                                     NO_USERS | SHORT_GROUPS | SHORT_COUNTS,
                                     NO_USERS | SHORT_GROUPS | SHORT_COUNTS | NO_STATES};
    struct layout layout = layout_for(ports, forms[0]);
    int width = terminal_limit(stdout);
    for (size_t i = 1; width && i < sizeof forms / sizeof *forms; i++) {
        if (fits(ports, &layout, width))
            break;
        layout = layout_for(ports, forms[i]);
    }
    return layout;
}

/* ---- all of it -------------------------------------------------------------------------------------- */

static void show_row(const struct ports *ports, const struct port_row *row, const struct layout *layout)
{
    char buffer[COLUMNS * CELL_SIZE], shared[CELL_SIZE];
    struct text line = text_in(buffer, sizeof buffer);
    int width = terminal_limit(stdout);
    write_row(&line, ports, row, layout);
    write_cell(shared, COLUMNS - 1, ports, row, layout->form);
    size_t tail = is_shared(row) ? strlen(shared) : 0;
    if (width && terminal_columns(buffer, line.used) > width) {
        size_t head = (size_t)layout->widths[0] + GAP;
        fwrite(buffer, 1, head, stdout);
        terminal_wrapped(stdout, (int)head, buffer + head, line.used - head);
    } else {
        fwrite(buffer, 1, line.used - tail, stdout);
        if (tail)
            terminal_paint(stdout, PAINT_UNSURE, shared);
    }
    putchar('\n');
}

static void show_notes(const struct request *request, const struct ports *ports)
{
    bool hidden = false;
    for (size_t i = 0; i < ports->row_count; i++)
        hidden |= ports->rows[i].owner == OWNER_HIDDEN && ports->rows[i].hidden == HIDDEN_BY_PERMISSION;
    if (hidden)
        notes_show_hidden(request->again);
    if (!ports->shows_bound)
        notes_show_line(
            "TCP sockets that are bound and do not listen do not show here (they do since Linux 6.8, by sock_diag)");
    if (!ports->all_sockets)
        notes_show_line("not all sockets were seen: it took too long");
}

int table_show(const struct request *request)
{
    static struct ports ports;
    static struct scratch scratch;
    bool found = ports_find(&ports, &request->asked, &scratch);
    bool whole = true;
    struct layout layout = found && !request->json ? choose(&ports) : (struct layout){.form = 0};
    for (size_t i = 0; found && i < ports.row_count; i++) {
        if (request->json)
            whole &= table_json(&ports, &ports.rows[i]);
        else
            show_row(&ports, &ports.rows[i], &layout);
    }
    if (found && !request->json)
        show_notes(request, &ports);
    if (!whole)
        command_error("why: no memory for so many processes", (char *)NULL);
    ports_free(&ports);
    return found && whole ? EXIT_SUCCESS : EXIT_TROUBLE;
}
