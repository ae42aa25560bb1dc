/* SPDX-License-Identifier: MIT
 * What the verbs dump and load share: progress, and what they say at the end.
 */
#include "tool.h"

#include <inttypes.h>
#include <string.h>

static int on_progress(uint64_t done, uint64_t total, void *ctx)
{
    progress_step(ctx, done, total, done);
    return interrupted();
}

void dumping_start(tool *t, dumping *d, crm_dump_options *options)
{
    crm_dump_options_init(options);
    interrupt_catch();
    progress_start(t, &d->bar, "rows and pages");
    t->bar = &d->bar;
    options->progress = on_progress;
    options->progress_ctx = &d->bar;
}

void dumping_end(tool *t, const char *what, const char *name, const crm_dump_result *r)
{
    buf b = {0};

    if (t->json) {
        buf_char(&b, '{');
        json_key(&b, what);
        json_string(&b, name, strlen(name));
        buf_fmt(&b,
                ",\"revision\":%" PRIu64 ",\"customers\":%" PRIu64 ",\"events\":%" PRIu64
                ",\"lines\":%" PRIu64 ",\"source_bytes\":%" PRIu64 ",\"bytes\":%" PRIu64 "}",
                r->revision, r->customers, r->events, r->lines, r->source_bytes, r->bytes);
        out_json(b.p, b.n);
    } else {
        text_clean(&b, name, strlen(name));
        buf_str(&b, ": ");
        buf_count(&b, r->customers);
        buf_str(&b, r->customers == 1 ? " customer, " : " customers, ");
        buf_count(&b, r->events);
        buf_str(&b, r->events == 1 ? " event, revision " : " events, revision ");
        buf_count(&b, r->revision);
        buf_str(&b, ", ");
        buf_size(&b, r->bytes);
        buf_str(&b, " from ");
        buf_size(&b, r->source_bytes);
        out_line(b.p, b.n);
    }
    buf_free(&b);
}
