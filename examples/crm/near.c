/* SPDX-License-Identifier: MIT
 * Near names: which one somebody may have meant who wrote another by a slip or two.
 */
#include "tool.h"

#include <string.h>

enum { LONGEST = 24 };

/* Letters put in, left out, replaced, and neighbours exchanged. */
static size_t slips_between(slice a, slice b)
{
    size_t rows[3][LONGEST + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2], *swap;

    for (size_t k = 0; k <= b.n; k++)
        above[k] = k;
    for (size_t i = 1; i <= a.n; i++) {
        row[0] = i;
        for (size_t k = 1; k <= b.n; k++) {
            size_t least = above[k - 1] + (a.p[i - 1] != b.p[k - 1]);
            if (above[k] + 1 < least)
                least = above[k] + 1;
            if (row[k - 1] + 1 < least)
                least = row[k - 1] + 1;
            if (i > 1 && k > 1 && a.p[i - 1] == b.p[k - 2] && a.p[i - 2] == b.p[k - 1] &&
                before[k - 2] + 1 < least)
                least = before[k - 2] + 1;
            row[k] = least;
        }
        swap = before;
        before = above;
        above = row;
        row = swap;
    }
    return above[b.n];
}

void near_start(near *x, const char *given, size_t n)
{
    x->given.p = given;
    x->given.n = n;
    x->name = NULL;
    x->slips = n < 4 ? 2 : 3; /* fewer than so many */
}

void near_try(near *x, const char *name)
{
    slice b = {name, strlen(name)};
    size_t slips;

    if (!x->given.n || x->given.n > LONGEST || b.n > LONGEST || b.n < 3)
        return;
    slips = slips_between(x->given, b);
    if (slips >= x->slips)
        return;
    x->slips = slips;
    x->name = name;
}

void near_hint(const near *x, const char *prefix, buf *out)
{
    if (x->name)
        buf_fmt(out, "; did you mean \"%s%s\"?", prefix, x->name);
}
