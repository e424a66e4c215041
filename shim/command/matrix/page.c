/* SPDX-License-Identifier: MIT
 *
 * Contract in page.h. page.html says how it looks and what can be chosen; here it gets its data: the answers
 * that there are, each with its reason, and for each row a letter a system.
 */
#include "page.h"

#include "../terminal.h"
#include "../write_whole.h"
#include "measure.h"
#include "reuseshim/command.h"
#include "row.h"
#include "scene.h"
#include "sources.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

__asm__(".pushsection .rodata\n"
        ".hidden matrix_template\n.global matrix_template\nmatrix_template:\n"
        ".incbin \"shim/command/matrix/page.html\"\n"
        ".byte 0\n.popsection");
extern const char matrix_template[] __attribute__((visibility("hidden")));

/* Letters behind '"', without '<' and '\\': nothing has to be escaped. */
enum { ANSWERS_MAX = 90, FIRST_LETTER = '#' };

struct page {
    const struct request *request;
    FILE *rows;
    char *text;
    size_t length;
    size_t row_count, unmeasured, answer_count;
    struct system_answer answers[ANSWERS_MAX];
};

struct page *page_begin(const struct request *request)
{
    struct page *page = calloc(1, sizeof *page);
    if (page)
        page->rows = open_memstream(&page->text, &page->length);
    if (page && page->rows) {
        page->request = request;
        return page;
    }
    free(page);
    command_error("matrix: no memory", (char *)NULL);
    return NULL;
}

static char letter_of(struct page *page, const struct system_answer *answer)
{
    size_t at = 0;
    while (at < page->answer_count &&
           (page->answers[at].error != answer->error || page->answers[at].unsure != answer->unsure ||
            strcmp(page->answers[at].reason, answer->reason) != 0))
        at++;
    if (at == page->answer_count && at < ANSWERS_MAX)
        page->answers[page->answer_count++] = *answer;
    size_t letter = FIRST_LETTER + at;
    letter += letter >= '<';
    letter += letter >= '\\';
    return (char)letter;
}

void page_add(struct page *page, const struct grid_row *row, int measured)
{
    char one[8], two[8];
    struct text first = text_in(one, sizeof one), second = text_in(two, sizeof two);
    const struct system_answer here = {
        measured, measured == NOT_MEASURED ? "there is no second user, or no IPv6" : "tried on this machine",
        false};
    page->unmeasured += measured == NOT_MEASURED;
    asks_write(&first, row->asks1);
    asks_write(&second, row->asks2);
    fprintf(page->rows, "%s[\"%s\",\"%s\",\"%s\",\"%s\",\"%s\",\"%s\",\"%s\",\"%c",
            page->row_count++ ? ",\n" : "", row->protocol == IPPROTO_TCP ? "tcp" : "udp",
            mode_word(row->mode), row->address1, row->address2, text_end(&first), text_end(&second),
            row->other_user ? "different" : "same", letter_of(page, &here));
    for (int i = 0; i < SYSTEM_COUNT; i++)
        if (page->request->systems[i]) {
            const struct system_answer answer = grid_judge((enum system)i, row);
            fputc(letter_of(page, &answer), page->rows);
        }
    fputs("\"]", page->rows);
}

/* ---- the data of the page ---------------------------------------------------------------------------- */

/* Our own strings, in which nothing has to be escaped. */
static void write_columns(const struct page *page, FILE *file)
{
    struct utsname kernel;
    bool known = uname(&kernel) == 0;
    fprintf(file, "[\"here\",\"This machine\",\"Linux %s: every row was tried\",\"",
            known ? kernel.release : "");
    if (page->unmeasured)
        fprintf(file, "but %zu, which want a second user or IPv6", page->unmeasured);
    fputs("\"]", file);
    for (int i = 0; i < SYSTEM_COUNT; i++)
        if (page->request->systems[i])
            fprintf(file, ",\n[\"%s\",\"%s\",\"%s\",\"%s\"]", system_word((enum system)i),
                    system_title((enum system)i), system_source((enum system)i),
                    system_doubt((enum system)i));
}

static void write_answers(struct page *page, FILE *file)
{
    char word[ANSWER_ROOM];
    for (size_t i = 0; i < page->answer_count; i++) {
        const struct system_answer answer = page->answers[i];
        fprintf(file, "%s[\"%c\",\"%s\",\"%s\",%s]", i ? ",\n" : "", letter_of(page, &answer),
                answer_word(word, answer.error), answer.reason, answer.unsure ? "true" : "false");
    }
}

static void write_data(struct page *page, FILE *file)
{
    fputs("{\"columns\":[", file);
    write_columns(page, file);
    fputs("],\n\"answers\":[", file);
    write_answers(page, file);
    fprintf(file, "],\n\"rows\":[\n%s]}", page->text);
}

static bool fill(struct page *page, char **text, size_t *length)
{
    static const char mark[] = "{{data}}";
    const char *at = strstr(matrix_template, mark);
    FILE *file = at ? open_memstream(text, length) : NULL;
    if (file == NULL)
        return false;
    fwrite(matrix_template, 1, (size_t)(at - matrix_template), file);
    write_data(page, file);
    fputs(at + strlen(mark), file);
    return fclose(file) == 0;
}

void page_drop(struct page *page)
{
    fclose(page->rows);
    free(page->text);
    free(page);
}

bool page_end(struct page *page)
{
    char *text = NULL;
    size_t length = 0;
    bool good = fflush(page->rows) == 0 && fill(page, &text, &length);
    if (!good)
        command_error("matrix: no memory", (char *)NULL);
    else if (strcmp(page->request->html, "-") == 0)
        fwrite(text, 1, length, stdout);
    else
        good = write_whole(page->request->html, text, length);
    free(text);
    page_drop(page);
    return good;
}
