/* SPDX-License-Identifier: MIT
 * crm_export(): arguments, the journal's entry, one snapshot, and where the bytes go.
 */
#include "io/export.h"

#include "customer/customer.h"
#include "db/journal.h"

#include <crm/journal.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
    PIECE = 1 << 16,
    FLAGS = CRM_EXPORT_WITH_EVENTS | CRM_EXPORT_WITH_ORIGINS | CRM_EXPORT_BOM |
            CRM_EXPORT_DEFORMULA | CRM_EXPORT_REPLACE | CRM_EXPORT_READONLY
};

static const char SUFFIX[] = ".crm-part";

void crm_export_options_init(crm_export_options *opts)
{
    if (!opts)
        return;
    memset(opts, 0, sizeof *opts);
    opts->size = sizeof *opts;
}

/* ---- bytes ---- */

static int hand_on(crm__export *x)
{
    size_t n = x->out.n;
    int rc = CRM_OK;

    if (x->out.failed)
        return crm__fail_nomem(x->err);
    if (!n)
        return CRM_OK;
    if (x->fd >= 0)
        rc = crm__file_write(x->fd, x->out.p, n, x->err);
    else if (x->o->write(x->out.p, n, x->o->write_ctx))
        rc = crm__fail(x->err, CRM_EIO, "what was exported was not taken");
    x->bytes += n;
    x->out.n = 0;
    return rc;
}

int crm__export_row(crm__export *x)
{
    x->rows++;
    return x->out.n < PIECE && !x->out.failed ? CRM_OK : hand_on(x);
}

/* ---- walks ---- */

int crm__export_step(crm__export *x)
{
    x->done++;
    if (x->o->progress && (x->done & 255) == 0 &&
        x->o->progress(x->done, x->done > x->total ? x->done : x->total, x->o->progress_ctx))
        return crm__fail(x->err, CRM_ECANCELLED, "cancelled");
    return CRM_OK;
}

/* Walks the segment, whose ids pass the root. */
static int each_of_segment(crm__export *x, crm__export_customer_fn fn)
{
    crm_segment_iter *it = NULL;
    crm_customer *c = NULL;
    crm_id id;
    int rc = crm_segment_list(x->txn, x->segment, NULL, &it, x->err);

    if (!rc)
        rc = crm_customer_new(x->txn, &c, x->err);
    while (!rc && (rc = crm_segment_next(it, &id, x->err)) == CRM_OK) {
        rc = crm_customer_get(x->txn, id, c, x->err);
        if (!rc && (!x->kind || strcmp(crm_customer_kind(c), x->kind) == 0))
            rc = fn(x, c);
        if (!rc)
            rc = crm__export_step(x);
    }
    crm_customer_free(c);
    crm_segment_list_close(it);
    return rc == CRM_DONE ? CRM_OK : rc;
}

int crm__export_each(crm__export *x, crm__export_customer_fn fn)
{
    crm_list_options o = CRM_LIST_OPTIONS_INIT;
    crm_customer_iter *it;
    crm_customer *c;
    int rc;

    if (x->segment)
        return each_of_segment(x, fn);
    o.kind = x->o->kind;
    rc = crm_customer_list(x->txn, &o, &it, x->err);
    if (rc)
        return rc;
    while (!rc && (rc = crm_customer_next(it, &c, x->err)) == CRM_OK) {
        rc = fn(x, c);
        if (!rc)
            rc = crm__export_step(x);
    }
    crm_customer_list_close(it);
    return rc == CRM_DONE ? CRM_OK : rc;
}

int crm__export_each_event(crm__export *x, crm_id id, crm__export_event_fn fn)
{
    crm_event_list_options o = CRM_EVENT_LIST_OPTIONS_INIT;
    crm_event_iter *it;
    crm_event *e;
    int rc;

    o.flags = CRM_EVENTS_OLDEST;
    rc = crm_event_list(x->txn, id, &o, &it, x->err);
    if (rc)
        return rc;
    while (!rc && (rc = crm_event_next(it, &e, x->err)) == CRM_OK)
        rc = fn(x, e);
    crm_event_list_close(it);
    return rc == CRM_DONE ? CRM_OK : rc;
}

int crm__export_tags(crm__export *x, const crm_customer *c)
{
    int rc = x->tags.txn ? CRM_OK : crm__tag_window_open(x->txn, &x->tags, x->err);

    return rc ? rc : crm__tag_window_at(&x->tags, crm_customer_id(c), x->err);
}

/* ---- lines ---- */

int crm__export_line(crm__export *x, const char *front, const char *json, size_t n)
{
    crm__buf_add_str(&x->out, front);
    crm__buf_add(&x->out, json, n);
    crm__buf_add_u8(&x->out, '\n');
    return crm__export_row(x);
}

/* The member "tags" into x->cell, empty for who has none. */
static int line_tags(crm__export *x, const crm_customer *c)
{
    int rc = crm__export_tags(x, c);
    int64_t until;
    crm__tag tag;

    x->cell.n = 0;
    while (!rc && (rc = crm__tag_window_next(&x->tags, &tag, &until, x->err)) == CRM_OK) {
        crm__buf_add_str(&x->cell, x->cell.n ? "," : ",\"tags\":[");
        crm__customer_put_tag(&x->cell, tag.name, until);
    }
    if (x->cell.n)
        crm__buf_add_u8(&x->cell, ']');
    return rc == CRM_DONE ? (x->cell.failed ? crm__fail_nomem(x->err) : CRM_OK) : rc;
}

static int line_customer(crm__export *x, crm_customer *c)
{
    uint32_t flags = (x->o->flags & CRM_EXPORT_WITH_EVENTS ? CRM_JSON_EVENTS : 0) |
                     (x->o->flags & CRM_EXPORT_WITH_ORIGINS ? CRM_JSON_ORIGINS : 0);
    char *json;
    size_t n;
    int rc = crm_customer_to_json(x->txn, c, flags, &json, &n, x->err);

    if (rc)
        return rc;
    rc = line_tags(x, c);
    if (!rc) {
        crm__buf_add(&x->out, json, n - 1);
        crm__buf_add(&x->out, x->cell.p, x->cell.n);
        rc = crm__export_line(x, "", "}", 1);
    }
    crm_free(json);
    return rc;
}

/* Whose it is, in front of its own members. */
static int line_event(crm__export *x, crm_event *e)
{
    char *json;
    size_t n;
    int rc = crm_event_to_json(x->txn, e, &json, &n, x->err);

    if (rc)
        return rc;
    crm__buf_add_fmt(&x->out, "{\"customer\":%llu,", (unsigned long long)crm_event_customer(e));
    rc = crm__export_line(x, "", json + 1, n - 1);
    crm_free(json);
    return rc;
}

/* ---- the whole ---- */

static int events_of(crm__export *x, crm_customer *c)
{
    return crm__export_each_event(
        x, crm_customer_id(c), x->o->format == CRM_EXPORT_CSV ? crm__export_csv_event : line_event);
}

static int write_all(crm__export *x)
{
    const crm_export_options *o = x->o;
    int rc = crm__state_read(x->txn, x->err);

    if (rc)
        return rc;
    x->total = o->what == CRM_EXPORT_JOURNAL ? x->txn->state.seq : x->txn->state.counters.live;
    if (x->segment)
        rc = crm_segment_count(x->txn, x->segment, NULL, &x->total, x->err);
    if (rc)
        return rc;
    if (o->what == CRM_EXPORT_JOURNAL) {
        rc = crm__export_journal(x);
    } else {
        if (o->format == CRM_EXPORT_CSV)
            rc = crm__export_csv_begin(x);
        if (!rc)
            rc = crm__export_each(x, o->what == CRM_EXPORT_EVENTS    ? events_of
                                     : o->format == CRM_EXPORT_CSV   ? crm__export_csv_customer
                                     : o->format == CRM_EXPORT_VCARD ? crm__export_card
                                                                     : line_customer);
    }
    return rc ? rc : hand_on(x);
}

static void open_bufs(crm__export *x)
{
    crm__buf_init(&x->out, x->mem);
    crm__buf_init(&x->columns, x->mem);
    crm__buf_init(&x->cell, x->mem);
    crm__arena_init(&x->arena, x->mem);
}

static void clear_bufs(crm__export *x)
{
    crm__tag_window_close(&x->tags);
    crm__buf_clear(&x->out);
    crm__buf_clear(&x->columns);
    crm__buf_clear(&x->cell);
    crm__arena_clear(&x->arena);
}

static int run(crm__export *x)
{
    int rc;

    open_bufs(x);
    rc = write_all(x);
    clear_bufs(x);
    return rc;
}

static int to_file(crm__export *x, const char *file)
{
    crm__part part;
    int rc = crm__part_open(x->mem, file, SUFFIX, &part, x->err);

    if (rc)
        return rc;
    x->fd = open(part.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (x->fd < 0) {
        rc = crm__fail_sys(x->err, crm__file_code(errno), errno, "can't write the file: %s",
                           strerror(errno));
    } else {
        rc = run(x);
        close(x->fd);
    }
    if (!rc)
        rc = crm__file_sync(part.data, x->err);
    if (!rc)
        rc = crm__file_place(x->mem, part.data, file, (x->o->flags & CRM_EXPORT_REPLACE) != 0,
                             x->err);
    crm__part_close(&part);
    return rc;
}

/* ---- arguments ---- */

static int judge_format(crm_export_options *o, crm_error *err)
{
    if (!o->format)
        o->format = o->what == CRM_EXPORT_JOURNAL ? CRM_EXPORT_JSONL : CRM_EXPORT_CSV;
    if (o->what > CRM_EXPORT_JOURNAL || o->format > CRM_EXPORT_VCARD)
        return crm__fail_field(err, CRM_EINVAL, o->what > CRM_EXPORT_JOURNAL ? "what" : "format",
                               "an option this library does not know");
    if (o->what != CRM_EXPORT_CUSTOMERS && o->format == CRM_EXPORT_VCARD)
        return crm__fail_field(err, CRM_EINVAL, "format", "there is no such format of these");
    if (o->format != CRM_EXPORT_CSV &&
        (o->fields || o->separator || o->flags & (CRM_EXPORT_BOM | CRM_EXPORT_DEFORMULA)))
        return crm__fail_field(err, CRM_EINVAL, "format",
                               "columns, separator, mark and formulas are options of CSV");
    if ((o->flags & (CRM_EXPORT_WITH_EVENTS | CRM_EXPORT_WITH_ORIGINS)) &&
        (o->what != CRM_EXPORT_CUSTOMERS || o->format != CRM_EXPORT_JSONL))
        return crm__fail_field(err, CRM_EINVAL, "flags",
                               "events and origins are members of JSON Lines of customers");
    if ((o->where || o->fields) && o->what == CRM_EXPORT_JOURNAL)
        return crm__fail_field(err, CRM_EINVAL, o->where ? "where" : "fields",
                               "the journal is exported as a whole");
    if (o->separator && (o->separator < ' ' || o->separator > '~' || o->separator == '"') &&
        o->separator != '\t')
        return crm__fail_field(err, CRM_EINVAL, "separator", "the separator is no such character");
    return CRM_OK;
}

static int judge(const char *file, crm_export_options *o, size_t struct_size,
                 const crm_export_result *out, crm_error *err)
{
    if ((o->flags & ~(uint32_t)FLAGS) || (out && struct_size < sizeof(size_t)))
        return crm__fail_field(err, CRM_EINVAL, "options", "an option this library does not know");
    if (!o->reason || !*o->reason)
        return crm__fail_field(err, CRM_EINVAL, "reason", "an export needs a reason");
    if (file ? !*file || o->write : !o->write)
        return crm__fail_field(err, CRM_EINVAL, "file",
                               "either a file or a function takes what is exported");
    return judge_format(o, err);
}

/* What both transactions of an export are begun with. */
static crm_txn_options who(const crm_export_options *o)
{
    crm_txn_options who = CRM_TXN_OPTIONS_INIT;

    who.actor = o->actor;
    who.purpose = o->purpose;
    who.channel = o->channel;
    who.zone = o->zone;
    return who;
}

/* The segment, asked once, so that what it lacks is told; *text: for the journal. */
static int read_segment(crm__export *x, crm_segment **out, char **text)
{
    uint64_t count;
    int rc = crm_segment_parse(x->txn, x->o->where, CRM_NUL, out, x->err);

    if (!rc)
        rc = crm_segment_count(x->txn, *out, NULL, &count, x->err);
    return rc ? rc : crm_segment_text(*out, text, NULL, x->err);
}

/* Whether columns, kind and segment are there, before anything is journalled. */
static int judge_names(crm__export *x, crm_db *db, crm_segment **segment, char **text)
{
    crm_txn_options begin = who(x->o);
    crm_list_options l = CRM_LIST_OPTIONS_INIT;
    crm_customer_iter *it = NULL;
    const crm__model *m;
    int rc = crm_txn_begin(db, CRM_READ, &begin, &x->txn, x->err);

    if (rc)
        return rc;
    open_bufs(x);
    if (x->o->fields)
        rc = crm__export_csv_begin(x);
    l.kind = x->o->kind;
    if (!rc)
        rc = crm_customer_list(x->txn, &l, &it, x->err);
    crm_customer_list_close(it);
    if (!rc)
        rc = crm__txn_model(x->txn, &m, x->err);
    if (!rc && l.kind && *l.kind)
        x->kind = crm__kind_key(crm__kind_find(m, l.kind, strlen(l.kind)));
    if (!rc && x->o->where)
        rc = read_segment(x, segment, text);
    clear_bufs(x);
    crm_txn_abort(x->txn);
    return rc;
}

static int journal(crm_db *db, const crm_export_options *o, const char *segment, crm_error *err)
{
    crm_txn_options begin = who(o);

    if (db->flags & CRM_READONLY || db->store->readonly) {
        if (o->flags & CRM_EXPORT_READONLY)
            return CRM_OK;
        return crm__fail(err, CRM_EREADONLY,
                         "the database was opened read-only, and an export is noted in its "
                         "journal");
    }
    return crm__journal_handout(db, &begin, CRM__ACTION_EXPORT, o->reason, segment, NULL, err);
}

static void give_result(crm_export_result *out, size_t struct_size, const crm__export *x)
{
    crm_export_result r;

    if (!out)
        return;
    if (struct_size > sizeof r)
        struct_size = sizeof r;
    memset(&r, 0, sizeof r);
    r.size = struct_size;
    r.revision = x->txn->state.seq;
    r.rows = x->rows;
    r.bytes = x->bytes;
    memcpy(out, &r, struct_size);
}

int crm_export(crm_db *db, const char *file, const crm_export_options *opts, size_t struct_size,
               crm_export_result *out, crm_error *err)
{
    crm_error local = CRM_ERROR_INIT;
    crm__export x = {.fd = -1};
    crm_segment *segment = NULL;
    crm_txn_options begin;
    crm_export_options o;
    crm_allocator mem;
    char *text = NULL;
    int rc;

    x.err = err ? err : &local;
    rc = crm__options_read(&o, sizeof o, opts, "options", x.err);
    if (!rc)
        rc = judge(file, &o, struct_size, out, x.err);
    if (!rc)
        rc = crm__db_enter(db, x.err);
    if (!rc && file)
        rc =
            crm__place_judge(db->store, file, (o.flags & CRM_EXPORT_REPLACE) != 0, "export", x.err);
    if (rc)
        return rc;
    mem = db->mem;
    x.mem = &mem;
    x.o = &o;
    rc = judge_names(&x, db, &segment, &text);
    if (!rc)
        rc = journal(db, &o, text, x.err);
    begin = who(&o);
    if (!rc)
        rc = crm_txn_begin(db, CRM_READ, &begin, &x.txn, x.err);
    if (!rc) {
        x.segment = segment;
        rc = file ? to_file(&x, file) : run(&x);
        if (!rc)
            give_result(out, struct_size, &x);
        crm_txn_abort(x.txn);
    }
    crm_segment_free(segment);
    crm_free(text);
    return crm__backup_end(rc, x.err);
}
