/* SPDX-License-Identifier: MIT
 * What changes and segment feed share: telling what came in order of revisions, and what is to come.
 */
#ifndef FOLLOW_H
#define FOLLOW_H

#include "tool.h"

typedef struct follow {
    tool *t;
    void *ctx;                 /* for the two functions */
    int (*present)(void *ctx); /* tells those behind `seen` that are there; an exit code */
    void (*rest)(void *ctx);   /* lets the snapshot go, if there is one */
    uint64_t seen;             /* the last revision that was told whole */
    uint64_t left;             /* of --limit */
    int on;                    /* --follow */
    int more;                  /* the limit was reached, and there are further ones */
    int ended;                 /* the limit was reached, and nobody asks whether there are */
} follow;

/* Non-zero: nothing is told any more. */
int follow_over(const follow *f);
/* The whole of the verb, behind its options. */
int follow_run(follow *f);

#endif
