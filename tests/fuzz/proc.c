/* SPDX-License-Identifier: MIT
 *
 * libFuzzer: whatever stands in the files and folders of /proc, /sys and systemd, each reader comes to an
 * end, in its own memory, and hands back what a record can be made of.
 */
#include "reuseshim/proc.h"
#include "conflict/steps.h"
#include "parts/expect.h"
#include "parts/kernel.h"
#include "reuseshim/deadline.h"
#include "reuseshim/file.h"
#include "reuseshim/status.h"

#include <string.h>

enum { BUDGET_MS = 100, SOMEBODY = 7, DESCRIPTOR = 3 };

static struct scratch scratch;
static struct conflict conflict;

static void check_names(const struct names *names)
{
    expect_string(names->program);
    expect_string(names->executable);
    expect_string(names->started_as);
    expect_string(names->script);
    expect(strchr(names->program, '/') == NULL, "a name has no folder");
}

static void check_process(const struct process *process)
{
    check_names(&process->names);
    expect(process->relation < RELATION_COUNT, "the relation is one");
    expect(process->command_length <= COMMAND_ROOM, "the command line fits");
    expect(process->parent >= 0 && process->session >= 0, "a parent is a process");
    expect(process->started >= -1, "it started in our time");
}

static void check_tristate(tristate value)
{
    expect(value == YES || value == NO || value == UNKNOWN, "yes, no or unknown");
}

static void found(void *context, pid_t pid, int fd, uint64_t inode)
{
    (void)context;
    expect(pid >= 0 && fd >= 0 && inode > 0, "a descriptor of a process");
}

static struct search new_search(void)
{
    return (struct search){.found = found, .deadline = deadline_in(BUDGET_MS), .scratch = &scratch};
}

static void read_processes(void)
{
    static struct self self;
    static struct process process;
    static struct names names;
    struct thread_status status;
    char group[CGROUP_ROOM];
    process_self(&self, conflict.room);
    check_names(&self.names);
    expect(self.ancestor_count <= sizeof self.ancestors / sizeof *self.ancestors, "the ancestors fit");
    process_describe(&process, SOMEBODY, &self, conflict.room);
    check_process(&process);
    (void)process_is_orphan(&process);
    process_cgroup(SOMEBODY, group, conflict.room);
    expect_string(group);
    process_cgroup(0, group, conflict.room);
    expect_string(group);
    names_of_self(&names, conflict.room);
    check_names(&names);
    thread_status_read(&status, scratch.bytes, sizeof scratch.bytes);
    expect_string(status.name);
}

static void look_into_processes(void)
{
    check_tristate(process_is_idle(SOMEBODY, deadline_in(BUDGET_MS), &scratch));
    check_tristate(process_serves(SOMEBODY, DESCRIPTOR, deadline_in(BUDGET_MS), &scratch));
    check_tristate(process_closes_on_exec(SOMEBODY, DESCRIPTOR));
}

static void walk(void)
{
    struct search search = new_search();
    search_process(&search, SOMEBODY);
    search_descendants(&search, SOMEBODY, -1);
    search_descendants(&search, SOMEBODY, DESCRIPTOR);
    (void)search_everybody(&search, 0);
}

static void read_groups(struct sections *sections)
{
    struct search search = new_search();
    char folder[320];
    const char *name = cgroup_find(1 + sections_byte(sections, "which", 1), folder, sizeof folder, &search);
    if (name == NULL)
        return;
    expect_string(folder);
    expect(strcmp(name, "/") == 0 || (name > folder && name < folder + sizeof folder),
           "a name in the folder");
    search_cgroup(&search, folder);
}

static void read_unit_files(void)
{
    static const unsigned char any[4];
    const struct newcomer newcomer = {.protocol = 6, .local = endpoint_of(AF_INET, any, 8080)};
    conflict_begin(&conflict, BUDGET_MS, false);
    socket_unit_find(&conflict, &newcomer, &scratch);
    expect_string(conflict.socket_unit);
}

static void read_numbers(void)
{
    struct port_range range;
    char name[NAME_ROOM];
    struct file_text file;
    if (automatic_range(&range))
        expect(range.first <= range.last, "a range");
    expect(file_executable_name("/proc/7/exe", name, sizeof name) < sizeof name, "a name that fits");
    expect_string(name);
    int result = file_map(&file, "/etc/policy");
    expect(result <= 0 && file.length <= FILE_TEXT_MAX && (result < 0) == (file.start == NULL), "a file");
    if (file.start)
        raw_unmap(file.start, file.mapped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sections sections;
    sections_read(&sections, data, size);
    kernel_begin(&sections);
    switch (sections_byte(&sections, "which", 0) % 6) {
    case 0:
        read_processes();
        break;
    case 1:
        look_into_processes();
        break;
    case 2:
        walk();
        break;
    case 3:
        read_groups(&sections);
        break;
    case 4:
        read_unit_files();
        break;
    default:
        read_numbers();
    }
    kernel_end();
    return 0;
}
