/* SPDX-License-Identifier: MIT
 *
 * The matrix as one self-contained page.
 */
#ifndef REUSESHIM_COMMAND_MATRIX_PAGE_H
#define REUSESHIM_COMMAND_MATRIX_PAGE_H

#include "grid.h"
#include "request.h"

struct page;

/* A page that rows are added to; NULL without memory, which has been said then. */
struct page *page_begin(const struct request *request);
void page_add(struct page *page, const struct grid_row *row, int measured);
/* Writes it to where the request says and frees it; false, after a complaint, if that cannot be. */
bool page_end(struct page *page);
void page_drop(struct page *page);

#endif
