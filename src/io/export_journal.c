/* SPDX-License-Identifier: MIT
 * Entries of the journal for other programs: as the feed tells them, or as rows of CSV.
 */
#include "io/export.h"

#include <crm/journal.h>
#include <string.h>

static const char *const COLUMNS[] = {
    "revision", "recorded_at", "action", "target",  "batch",   "created", "changed", "with_events",
    "fields",   "tags",        "actor",  "purpose", "channel", "source",  "reason",  "segment"};
enum { COLUMN_COUNT = sizeof COLUMNS / sizeof *COLUMNS };

static void put_number(crm__export *x, uint64_t number, int always)
{
    if (number || always)
        crm__buf_add_fmt(&x->cell, "%llu", (unsigned long long)number);
    crm__export_cell(x);
}

static void put_text(crm__export *x, const char *text)
{
    if (text)
        crm__buf_add_str(&x->cell, text);
    crm__export_cell(x);
}

static int put_fields(crm__export *x, crm_change_iter *it, const crm_change *c)
{
    const char *key;
    int rc = CRM_OK;

    for (uint32_t i = 0; i < c->field_count && !rc; i++) {
        rc = crm_change_field(it, i, &key, x->err);
        if (!rc)
            crm__buf_add_fmt(&x->cell, "%s%s", i ? ";" : "", key);
    }
    crm__export_cell(x);
    return rc;
}

/* What was done to a tag: + given, - taken, ~ another end; of a batch to how many. */
static void put_way(crm__export *x, char sign, const char *tag, uint64_t n, int lists)
{
    if (!n)
        return;
    crm__buf_add_fmt(&x->cell, "%s%c%s", x->cell.n ? ";" : "", sign, tag);
    if (lists)
        crm__buf_add_fmt(&x->cell, " (%llu)", (unsigned long long)n);
}

static int put_tags(crm__export *x, crm_change_iter *it, const crm_change *c)
{
    int lists = c->action == CRM_ACTION_BATCH || c->action == CRM_ACTION_UNDO ||
                c->action == CRM_ACTION_LIVE;
    crm_tag_change tag = CRM_TAG_CHANGE_INIT;
    int rc = CRM_OK;

    for (uint32_t i = 0; i < c->tag_count && !rc; i++) {
        rc = crm_change_tag(it, i, &tag, x->err);
        if (rc)
            break;
        put_way(x, '+', tag.tag, tag.given, lists);
        put_way(x, '-', tag.tag, tag.taken, lists);
        put_way(x, '~', tag.tag, tag.renewed, lists);
    }
    crm__export_cell(x);
    return rc;
}

static int put_row(crm__export *x, crm_change_iter *it, const crm_change *c)
{
    int rc;

    put_number(x, c->revision, 1);
    crm__export_time(x, c->recorded_us);
    crm__export_cell(x);
    put_text(x, crm_action_name(c->action));
    put_number(x, c->target, 0);
    put_number(x, c->batch, 0);
    put_number(x, c->created, 0);
    put_number(x, c->changed, 0);
    put_number(x, c->with_events, 0);
    rc = put_fields(x, it, c);
    if (!rc)
        rc = put_tags(x, it, c);
    put_text(x, c->actor);
    put_text(x, c->purpose);
    put_text(x, c->channel);
    put_text(x, c->source);
    put_text(x, c->reason);
    put_text(x, c->segment);
    if (!rc)
        rc = crm__export_end_row(x);
    return rc ? rc : crm__export_row(x);
}

static int put_line(crm__export *x, crm_change_iter *it)
{
    char *json;
    size_t n;
    int rc = crm_change_json(it, &json, &n, x->err);

    if (rc)
        return rc;
    rc = crm__export_line(x, "", json, n);
    crm_free(json);
    return rc;
}

int crm__export_journal(crm__export *x)
{
    crm_change c = CRM_CHANGE_INIT;
    int rows = x->o->format == CRM_EXPORT_CSV, rc = CRM_OK;
    crm_change_iter *it;

    if (rows) {
        crm__export_csv_open(x);
        for (int i = 0; i < COLUMN_COUNT; i++)
            put_text(x, COLUMNS[i]);
        rc = crm__export_end_row(x);
    }
    if (!rc)
        rc = crm_change_list(x->txn, 0, &it, x->err);
    if (rc)
        return rc;
    while (!rc && (rc = crm_change_next(it, &c, x->err)) == CRM_OK) {
        rc = rows ? put_row(x, it, &c) : put_line(x, it);
        if (!rc)
            rc = crm__export_step(x);
    }
    crm_change_close(it);
    return rc == CRM_DONE ? CRM_OK : rc;
}
