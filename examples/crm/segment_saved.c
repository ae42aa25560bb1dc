/* SPDX-License-Identifier: MIT
 * Segments saved under names: save, list, show and remove of crm segment.
 */
#include "tool.h"

#include <inttypes.h>
#include <string.h>

/* A name that is a condition by itself: where both may stand it is read as the condition. */
static void note_condition(tool *t, crm_txn *txn, const char *name)
{
    crm_segment *condition = NULL;
    buf quoted = {0};

    if (crm_segment_parse(txn, name, strlen(name), &condition, NULL))
        return;
    json_string(&quoted, name, strlen(name));
    note(t, "alone it is read as a condition: ask for it as segment(%s)", quoted.p);
    buf_free(&quoted);
    crm_segment_free(condition);
}

/* Saves it in the transaction; *result: what crm_segment_save() gave. */
static int save_in(query *q, crm_txn *txn, const char *name, uint32_t flags, int *result)
{
    crm_error err = CRM_ERROR_INIT;
    long_call work;
    int rc;

    long_begin(&work, q->t, txn, "chunks of ids");
    *result = crm_segment_save(txn, name, q->segment, flags, &err);
    if (*result == CRM_OK)
        note_condition(q->t, txn, name);
    rc = long_end(&work, *result == CRM_EEXISTS ? CRM_OK : *result, &err);
    if (*result == CRM_EEXISTS)
        return fail(q->t, *result,
                    "a segment is saved as %s already (--replace saves another version of it)",
                    name);
    return rc;
}

int segment_save(tool *t, const char *name, const char *arg, uint32_t flags, int dry_run)
{
    crm_txn *txn = NULL;
    buf b = {0};
    query q;
    int rc = query_read(&q, t, arg), result = CRM_OK;

    if (!rc && !(rc = open_write(t, MAKE_NOT)) && !(rc = begin(t, CRM_WRITE, &txn)))
        rc = query_parse(&q, txn);
    if (!rc)
        rc = save_in(&q, txn, name, flags, &result);
    if (rc || dry_run)
        crm_txn_abort(txn);
    else
        rc = commit(t, txn);
    query_free(&q);
    if (rc)
        return rc;
    if (t->json) {
        buf_str(&b, "{\"name\":");
        json_string(&b, name, strlen(name));
        buf_fmt(&b, ",\"saved\":%s%s}", result == CRM_OK ? "true" : "false",
                dry_run ? ",\"dry_run\":true" : "");
    } else {
        buf_str(&b, result != CRM_OK ? "saved with this meaning already: "
                    : dry_run        ? "dry run: would save "
                                     : "saved ");
        text_clean(&b, name, strlen(name));
    }
    t->json ? out_json(b.p, b.n) : out_line(b.p, b.n);
    buf_free(&b);
    return 0;
}

int segment_remove(tool *t, const char *name)
{
    crm_error err = CRM_ERROR_INIT;
    crm_txn *txn;
    buf b = {0};
    int rc;

    if ((rc = open_write(t, MAKE_NOT)) || (rc = begin(t, CRM_WRITE, &txn)))
        return rc;
    if (crm_segment_remove(txn, name, &err)) {
        crm_txn_abort(txn);
        return fail_crm(t, &err);
    }
    if ((rc = commit(t, txn)))
        return rc;
    buf_str(&b, t->json ? "{\"removed\":" : "removed ");
    if (t->json)
        json_string(&b, name, strlen(name));
    else
        text_clean(&b, name, strlen(name));
    if (t->json)
        buf_char(&b, '}');
    out_line(b.p, b.n);
    buf_free(&b);
    return 0;
}

/* ---- what there is ---- */

/* One saved segment, for people or programs. */
typedef struct saved {
    crm_saved_segment s;
    buf text, tree; /* tree: of JSON only, and not of a static one */
    buf actor, time;
    buf wrong; /* why it can't be read by the present model */
} saved;

static void saved_free(saved *x)
{
    buf_free(&x->text);
    buf_free(&x->tree);
    buf_free(&x->wrong);
    buf_free(&x->actor);
    buf_free(&x->time);
}

/* Who saved it, and when: nothing where the journal was trimmed. */
static int read_entry(tool *t, crm_txn *txn, saved *x)
{
    crm_change change = CRM_CHANGE_INIT;
    crm_error err = CRM_ERROR_INIT;
    crm_change_iter *it;
    int rc = x->s.revision ? crm_change_list(txn, x->s.revision - 1, &it, &err) : CRM_DONE;

    if (rc == CRM_OK) {
        rc = crm_change_next(it, &change, &err);
        if (rc == CRM_OK && change.revision == x->s.revision) {
            buf_time(&x->time, change.recorded_us);
            if (change.actor)
                buf_str(&x->actor, change.actor);
        }
        crm_change_close(it);
    }
    return rc >= 0 || rc == CRM_ENOTFOUND ? 0 : fail_crm(t, &err);
}

/* The text as it was saved, and who saved it. */
static int read_stored(tool *t, crm_txn *txn, saved *x)
{
    crm_error err = CRM_ERROR_INIT;
    char *text = NULL;

    if (crm_segment_version(txn, x->s.name, 0, &x->s, &text, &err) < 0)
        return fail_crm(t, &err);
    if (text)
        buf_str(&x->text, text);
    crm_free(text);
    return read_entry(t, txn, x);
}

/* Its text and tree.  0 or an exit code; one the model no longer has names for is no failure. */
static int read_saved(tool *t, crm_txn *txn, saved *x)
{
    crm_error err = CRM_ERROR_INIT;
    crm_segment *segment;
    char *text = NULL;
    size_t n;
    int rc;

    if (x->s.flags & CRM_SEGMENT_STATIC)
        return read_stored(t, txn, x);
    rc = crm_segment_saved(txn, x->s.name, &segment, &err);
    if (rc == CRM_EFIELD || rc == CRM_EVALUE || rc == CRM_ESYNTAX) {
        buf_str(&x->wrong, err.message);
        return read_stored(t, txn, x);
    }
    if (rc)
        return fail_crm(t, &err);
    rc = crm_segment_text(segment, &text, &n, &err);
    if (!rc) {
        buf_add(&x->text, text, n);
        crm_free(text);
        rc = crm_segment_json(segment, &text, &n, &err);
    }
    if (!rc) {
        buf_add(&x->tree, text, n);
        crm_free(text);
    }
    crm_segment_free(segment);
    return rc ? fail_crm(t, &err) : read_entry(t, txn, x);
}

static void put_member(buf *out, const char *key, const buf *value)
{
    if (!value->n)
        return;
    json_key(out, key);
    json_string(out, value->p, value->n);
}

static void put_list_member(buf *out, const char *key, const buf *items)
{
    if (!items)
        return;
    json_key(out, key);
    buf_char(out, '[');
    buf_add(out, items->p ? items->p : "", items->n);
    buf_char(out, ']');
}

static void put_json(const saved *x, const buf *versions)
{
    buf b = {0};

    buf_char(&b, '{');
    json_key(&b, "name");
    json_string(&b, x->s.name, strlen(x->s.name));
    buf_fmt(&b, ",\"revision\":%" PRIu64, x->s.revision);
    put_member(&b, "time", &x->time);
    put_member(&b, "actor", &x->actor);
    if (x->s.flags & CRM_SEGMENT_STATIC)
        buf_str(&b, ",\"static\":true");
    if (x->s.flags & CRM_SEGMENT_OF_MODEL)
        buf_str(&b, ",\"model\":true");
    put_member(&b, "text", &x->text);
    if (x->s.flags & CRM_SEGMENT_STATIC) {
        /* its text is what it was once made of */
    } else if (x->tree.n) {
        json_key(&b, "tree");
        buf_add(&b, x->tree.p, x->tree.n);
    } else {
        json_key(&b, "wrong");
        json_string(&b, x->wrong.p, x->wrong.n);
    }
    put_list_member(&b, "versions", versions);
    buf_char(&b, '}');
    out_json(b.p, b.n);
    buf_free(&b);
}

static void put_row(table *tb, const saved *x, int named)
{
    const buf *cells[] = {&x->time, &x->actor};
    buf b = {0};

    if (named)
        table_cell(tb, x->s.name, strlen(x->s.name));
    if (x->s.flags & CRM_SEGMENT_OF_MODEL)
        buf_str(&b, "model");
    else
        buf_fmt(&b, "%" PRIu64, x->s.revision);
    table_cell(tb, b.p, b.n);
    b.n = 0;
    if (x->s.flags & CRM_SEGMENT_STATIC)
        buf_str(&b, "static: ");
    if (x->s.flags & CRM_SEGMENT_REMOVED)
        buf_str(&b, "removed");
    buf_add(&b, x->text.p ? x->text.p : "", x->text.n);
    if (x->wrong.n)
        buf_fmt(&b, " (can't be asked: %s)", x->wrong.p);
    for (size_t i = 0; i < 2; i++)
        table_cell(tb, cells[i]->p ? cells[i]->p : "", cells[i]->n);
    table_cell(tb, b.p ? b.p : "", b.n);
    buf_free(&b);
}

/* A table of saved segments, or of versions of one; NULL for JSON. */
static table *begin_table(tool *t, int named)
{
    static const char *const heads[][2] = {{"Name", "名称"},
                                           {"Revision", "修订号"},
                                           {"Time", "时间"},
                                           {"By", "操作者"},
                                           {"Query", "条件"}};
    table *tb = t->json ? NULL : table_new(named ? 5 : 4, out_columns(1), 0);

    for (size_t i = !named; tb && i < 5; i++) {
        const char *head = heads[i][is_chinese(t->lang)];
        table_cell(tb, head, strlen(head));
    }
    if (tb)
        table_right(tb, named ? 1 : 0);
    return tb;
}

static int put_list(tool *t, crm_txn *txn)
{
    crm_error err = CRM_ERROR_INIT;
    table *tb = begin_table(t, 1);
    char after[sizeof(((crm_saved_segment *)0)->name)] = "";
    int rc = 0, code = 0;

    while (!code && !out_failed()) {
        saved x = {0};
        rc = crm_segment_saved_next(txn, *after ? after : NULL, &x.s, &err);
        if (rc)
            break;
        memcpy(after, x.s.name, sizeof(after));
        code = read_saved(t, txn, &x);
        if (!code && tb)
            put_row(tb, &x, 1);
        else if (!code)
            put_json(&x, NULL);
        saved_free(&x);
    }
    if (tb)
        table_end(tb);
    if (rc == CRM_DONE && !*after && !t->json)
        note(t, "no segment is saved ('" TOOL " segment save NAME QUERY' saves one)");
    return rc < 0 ? fail_crm(t, &err) : code;
}

/* All versions of it, the last first. */
static int put_versions(tool *t, crm_txn *txn, const char *name, buf *json)
{
    crm_error err = CRM_ERROR_INIT;
    table *tb = begin_table(t, 0);
    uint64_t before = 0;
    int rc, code = 0;

    for (;;) {
        saved x = {0};
        char *text;
        rc = crm_segment_version(txn, name, before, &x.s, &text, &err);
        if (rc || code)
            break;
        before = x.s.revision;
        buf_str(&x.text, text);
        crm_free(text);
        code = read_entry(t, txn, &x);
        if (tb) {
            put_row(tb, &x, 0);
        } else {
            buf_fmt(json, "%s{\"revision\":%" PRIu64, json->n ? "," : "", x.s.revision);
            put_member(json, "time", &x.time);
            put_member(json, "actor", &x.actor);
            if (x.s.flags & (CRM_SEGMENT_STATIC | CRM_SEGMENT_REMOVED))
                buf_str(json,
                        x.s.flags & CRM_SEGMENT_STATIC ? ",\"static\":true" : ",\"removed\":true");
            put_member(json, "text", &x.text);
            buf_char(json, '}');
        }
        saved_free(&x);
    }
    if (tb)
        table_end(tb);
    return rc < 0 ? fail_crm(t, &err) : code;
}

/* *out: the one that has a name, or a label of the model.  CRM_DONE: none. */
static int find_saved(crm_txn *txn, const char *name, crm_saved_segment *out, crm_error *err)
{
    char last[sizeof(out->name)], key[sizeof(out->name)];
    const char *after = NULL;
    int rc;

    memset(out, 0, sizeof(*out));
    rc = crm_segment_version(txn, name, 0, out, NULL, err);
    if (rc < 0 || (rc && !(out->flags & CRM_SEGMENT_OF_MODEL)))
        return rc;
    memcpy(key, out->name, sizeof(key));
    while (!(rc = crm_segment_saved_next(txn, after, out, err)) && strcmp(out->name, key) != 0) {
        memcpy(last, out->name, sizeof(last));
        after = last;
    }
    return rc;
}

static int put_one(tool *t, crm_txn *txn, const char *name)
{
    crm_error err = CRM_ERROR_INIT;
    saved x = {0};
    buf versions = {0};
    int code, rc = find_saved(txn, name, &x.s, &err);

    if (rc == CRM_DONE)
        return fail(t, CRM_ENOTFOUND, "no segment is saved as %s", name);
    if (rc)
        return fail_crm(t, &err);
    code = read_saved(t, txn, &x);
    if (!code && t->json) {
        code = put_versions(t, txn, x.s.name, &versions);
        put_json(&x, &versions);
    } else if (!code) {
        out_raw(x.text.p, x.text.n), out_put("\n\n", x.s.revision ? 2 : 1);
        if (x.s.revision)
            code = put_versions(t, txn, x.s.name, &versions);
        if (x.wrong.n)
            note(t, "it can't be asked: %s", x.wrong.p);
    }
    buf_free(&versions);
    saved_free(&x);
    return code;
}

int segment_saved(tool *t, const char *name)
{
    crm_txn *txn;
    int rc;

    if ((rc = open_read(t)) || (rc = begin(t, CRM_READ, &txn)))
        return rc;
    rc = name ? put_one(t, txn, name) : put_list(t, txn);
    crm_txn_abort(txn);
    return rc;
}
