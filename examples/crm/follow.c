/* SPDX-License-Identifier: MIT
 * Telling what came, and what is to come: see follow.h.
 */
#include "follow.h"

#include <inttypes.h>

enum { PATIENCE_MS = 200 };

int follow_over(const follow *f)
{
    return out_failed() || f->more || f->ended || (f->on && interrupted());
}

/* Waits without a snapshot, and wakes now and then to see whether anybody is still there. */
static int await(follow *f)
{
    crm_error err = CRM_ERROR_INIT;
    int rc = CRM_DONE;

    while (rc == CRM_DONE && !follow_over(f) && !out_closed())
        rc = crm_db_wait(f->t->db, f->seen, PATIENCE_MS, NULL, &err);
    return rc < 0 ? fail_crm(f->t, &err) : 0;
}

static void put_resume(follow *f)
{
    buf b = {0};

    if (f->t->json) {
        buf_fmt(&b, "{\"resume\":{\"after\":%" PRIu64 "}}", f->seen);
        error_line(&b);
    } else {
        note(f->t, "more with --after %" PRIu64, f->seen);
    }
}

int follow_run(follow *f)
{
    int rc;

    if (!f->left)
        return fail_usage(f->t, "--limit needs a number from 1");
    if ((rc = open_read(f->t)))
        return rc;
    f->t->endless = f->on;
    if (f->on)
        interrupt_catch();
    /* Whoever reads may take a rest: so does the snapshot. */
    out_on_stall(f->rest, f->ctx);
    rc = f->present(f->ctx);
    while (!rc && f->on && !follow_over(f) && !out_closed()) {
        f->rest(f->ctx);
        rc = await(f);
        out_on_stall(f->rest, f->ctx);
        if (!rc && !follow_over(f))
            rc = f->present(f->ctx);
    }
    out_on_stall(NULL, NULL);
    f->rest(f->ctx);
    if (!rc && f->more)
        put_resume(f);
    return rc;
}
