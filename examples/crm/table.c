/* SPDX-License-Identifier: MIT
 * Aligned columns for people.  The first rows are held back to measure them; from then on rows
 * stream, with what does not fit cut.  Chinese characters count as the two columns they take.
 */
#include "tool.h"

#include <stdlib.h>
#include <string.h>

enum { HELD_ROWS = 500, GAP = 2, LEAST = 6 };

typedef struct column {
    size_t width;
    int right;
} column;

struct table {
    column *columns;
    size_t count, limit, cell;
    slice *held; /* cells, malloc'ed copies */
    size_t cells, cap;
    int streaming, head_done;
};

table *table_new(size_t columns, size_t width, size_t cell)
{
    table *tb = xrealloc(NULL, sizeof(*tb));

    memset(tb, 0, sizeof(*tb));
    tb->count = columns;
    tb->limit = width;
    tb->cell = cell;
    tb->columns = xrealloc(NULL, columns * sizeof(column));
    memset(tb->columns, 0, columns * sizeof(column));
    return tb;
}

void table_no_head(table *tb)
{
    tb->head_done = 1;
}

void table_right(table *tb, size_t index)
{
    tb->columns[index].right = 1;
}

static void put_row(table *tb, const slice *cells)
{
    int bold = !tb->head_done && out_bold();
    buf line = {0};
    size_t owed = 0;

    for (size_t i = 0; i < tb->count; i++) {
        const column *col = &tb->columns[i];
        buf text = {0};
        /* Without limits, a late cell wider than its column pushes the others. */
        size_t most = tb->limit || tb->cell ? col->width : SIZE_MAX;
        size_t width = text_cut(&text, cells[i].p, cells[i].n, most);
        size_t space = width < col->width ? col->width - width : 0;

        if (text.n || col->right) {
            text_pad(&line, owed + (col->right ? space : 0));
            buf_add(&line, text.p ? text.p : "", text.n);
            owed = (col->right ? 0 : space) + GAP;
        } else {
            owed += col->width + GAP;
        }
        buf_free(&text);
    }
    if (bold)
        out_put("\033[1m", 4);
    out_put(line.p ? line.p : "", line.n);
    if (bold)
        out_put("\033[0m", 4);
    out_put("\n", 1);
    tb->head_done = 1;
    buf_free(&line);
}

/* Widest column that may still give. */
static column *widest(table *tb)
{
    column *found = NULL;

    for (size_t i = 0; i < tb->count; i++)
        if (tb->columns[i].width > LEAST && !tb->columns[i].right &&
            (!found || tb->columns[i].width > found->width))
            found = &tb->columns[i];
    return found;
}

static void measure(table *tb)
{
    size_t total = tb->count ? (tb->count - 1) * GAP : 0;
    column *col;

    for (size_t i = 0; i < tb->cells; i++) {
        buf text = {0};
        size_t width =
            text_cut(&text, tb->held[i].p, tb->held[i].n, tb->cell ? tb->cell : SIZE_MAX);
        col = &tb->columns[i % tb->count];
        if (width > col->width)
            col->width = width;
        buf_free(&text);
    }
    for (size_t i = 0; i < tb->count; i++)
        total += tb->columns[i].width;
    while (tb->limit && total > tb->limit && (col = widest(tb))) {
        col->width--;
        total--;
    }
}

static void flush(table *tb)
{
    if (!tb->streaming)
        measure(tb);
    tb->streaming = 1;
    for (size_t i = 0; i + tb->count <= tb->cells; i += tb->count)
        put_row(tb, tb->held + i);
    for (size_t i = 0; i < tb->cells; i++)
        free((char *)(uintptr_t)tb->held[i].p);
    tb->cells = 0;
}

void table_cell(table *tb, const char *s, size_t n)
{
    char *copy = xrealloc(NULL, n);

    if (n)
        memcpy(copy, s, n);
    if (tb->cells == tb->cap) {
        tb->cap = tb->cap ? tb->cap * 2 : 64;
        tb->held = xrealloc(tb->held, tb->cap * sizeof(slice));
    }
    tb->held[tb->cells].p = copy;
    tb->held[tb->cells++].n = n;
    if (tb->cells % tb->count == 0 && (tb->streaming || tb->cells / tb->count > HELD_ROWS))
        flush(tb);
}

void table_end(table *tb)
{
    flush(tb);
    free(tb->held);
    free(tb->columns);
    free(tb);
}
