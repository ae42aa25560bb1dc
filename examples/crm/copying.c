/* SPDX-License-Identifier: MIT
 * What the verbs backup, restore and compact share: progress, and what they say at the end.
 */
#include "tool.h"

#include <inttypes.h>
#include <string.h>

static int on_progress(uint64_t done, uint64_t total, void *ctx)
{
    progress_step(ctx, done, total, done);
    return interrupted();
}

void copying_start(tool *t, copying *c)
{
    crm_backup_options_init(&c->options);
    interrupt_catch();
    progress_start(t, &c->bar, "rows and pages");
    t->bar = &c->bar;
    c->options.progress = on_progress;
    c->options.progress_ctx = &c->bar;
}

void copying_end(tool *t, const char *what, const char *name, const crm_backup_result *r)
{
    buf b = {0};

    if (t->json) {
        buf_char(&b, '{');
        json_key(&b, what);
        json_string(&b, name, strlen(name));
        buf_fmt(&b,
                ",\"rows\":%" PRIu64 ",\"revision\":%" PRIu64 ",\"source_bytes\":%" PRIu64
                ",\"bytes\":%" PRIu64 "}",
                r->rows, r->revision, r->source_bytes, r->bytes);
        out_json(b.p, b.n);
    } else {
        text_clean(&b, name, strlen(name));
        buf_str(&b, ": ");
        buf_count(&b, r->rows);
        buf_str(&b, r->rows == 1 ? " row, revision " : " rows, revision ");
        buf_count(&b, r->revision);
        buf_str(&b, ", ");
        buf_size(&b, r->bytes);
        buf_str(&b, " from ");
        buf_size(&b, r->source_bytes);
        out_line(b.p, b.n);
    }
    buf_free(&b);
}
