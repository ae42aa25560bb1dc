/* SPDX-License-Identifier: MIT
 * crm_import: options, opening, the mapping as text, closing.
 */
#include "io/import.h"

#include "codec/json.h"

#include <crm/codes.h>
#include <stdio.h>
#include <sys/stat.h>

enum {
    FLAGS = CRM_IMPORT_DRY_RUN | CRM_IMPORT_ATOMIC | CRM_IMPORT_EVENTS | CRM_IMPORT_RESUME |
            CRM_IMPORT_RENAME | CRM_IMPORT_LOOK,
    SURE = 90 /* percent */
};

void crm_import_options_init(crm_import_options *opts)
{
    if (!opts)
        return;
    memset(opts, 0, sizeof *opts);
    opts->size = sizeof *opts;
}

/* ---- options ---- */

static int copy_text(crm_import *imp, const char **text)
{
    if (*text && !**text)
        *text = NULL;
    if (*text)
        *text = crm__arena_copy(&imp->arena, *text, strlen(*text) + 1);
    return *text != NULL;
}

static int copy_texts(crm_import *imp, crm_error *err)
{
    const char **texts[] = {&imp->o.format,      &imp->o.encoding,      &imp->o.sheet,
                            &imp->o.kind,        &imp->o.mapping,       &imp->txn_o.actor,
                            &imp->txn_o.purpose, &imp->txn_o.channel,   &imp->txn_o.source,
                            &imp->txn_o.zone,    &imp->txn_o.batch_name};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int given = *texts[i] && **texts[i];
        if (copy_text(imp, texts[i]) != given)
            return crm__fail_nomem(err);
    }
    return CRM_OK;
}

static int judge_options(const crm_import_options *o, crm_error *err)
{
    if (o->flags & ~(uint32_t)FLAGS || o->reserved)
        return crm__fail_field(err, CRM_EINVAL, "flags",
                               "a flag this library does not know is set");
    if (o->policy > CRM_IMPORT_SKIP || (o->flags & CRM_IMPORT_EVENTS && o->policy))
        return crm__fail_field(err, CRM_EINVAL, "policy", "there is no such policy%s",
                               o->flags & CRM_IMPORT_EVENTS ? " for events" : "");
    if (o->separator > 127 || o->separator == '"' || o->separator == '\n' || o->separator == '\r')
        return crm__fail_field(err, CRM_EINVAL, "separator",
                               "a separator is an ASCII character, and no quote or end of line");
    if (o->flags & CRM_IMPORT_RESUME && o->flags & (CRM_IMPORT_DRY_RUN | CRM_IMPORT_ATOMIC))
        return crm__fail_field(err, CRM_EINVAL, "flags",
                               "a batch is not resumed as a dry run, or in one transaction");
    if (o->customer && !(o->flags & CRM_IMPORT_EVENTS))
        return crm__fail_field(err, CRM_EINVAL, "customer", "a customer is for events");
    if (o->resume && !(o->flags & CRM_IMPORT_RESUME))
        return crm__fail_field(err, CRM_EINVAL, "resume", "a batch, but not CRM_IMPORT_RESUME");
    return CRM_OK;
}

static int read_options(crm_import *imp, const crm_import_options *opts, crm_error *err)
{
    int rc = crm__options_read(&imp->o, sizeof imp->o, opts, "options", err);

    if (!rc)
        rc = judge_options(&imp->o, err);
    if (!rc)
        rc = crm__options_read(&imp->txn_o, sizeof imp->txn_o, imp->o.txn, "options.txn", err);
    if (rc)
        return rc;
    imp->o.txn = NULL;
    imp->txn_o.size = sizeof imp->txn_o;
    if (imp->txn_o.flags || imp->txn_o.batch)
        return crm__fail_field(err, CRM_EINVAL, "txn", "flags and batch of txn must be zero");
    imp->what = imp->o.flags & CRM_IMPORT_EVENTS ? CRM__MAP_EVENTS : CRM__MAP_CUSTOMERS;
    return copy_texts(imp, err);
}

/* ---- open ---- */

/* Unless all are new, customers must be found by something. */
static int judge_identities(const crm_import *imp, crm_txn *txn, crm_error *err)
{
    if (imp->what != CRM__MAP_CUSTOMERS || imp->o.policy == CRM_IMPORT_CREATE)
        return CRM_OK;
    for (size_t i = 0; i < crm__mapping_count(imp->map); i++) {
        const crm__mapped *m = crm__mapping_at(imp->map, i);
        crm_field f;
        if (m->use == CRM__USE_ID)
            return CRM_OK;
        if (m->use == CRM__USE_FIELD && !crm_field_find(txn, m->key, CRM_NUL, &f, NULL) &&
            f.flags & (CRM_FIELD_IDENTITY | CRM_FIELD_UNIQUE))
            return CRM_OK;
    }
    return crm__fail_field(err, CRM_EFIELD, "policy",
                           "no column is an identity or a unique field, by which customers are "
                           "found: only the policy create is possible");
}

/* Whether all columns are known before the rows are read. */
static int has_head(const crm_import *imp)
{
    return strcmp(crm__table_info_of(imp->in.table)->format, "vcard") != 0;
}

/* When a column is missing: what is wrong with the text of the names. */
static void tell_names(const crm_import *imp, crm_error *err)
{
    const crm__table_info *info = crm__table_info_of(imp->in.table);
    size_t n = strlen(err->message), count = crm__table_columns(imp->in.table);
    unsigned marks = 0;

    for (size_t i = 0; i < count && info->replaced && !marks; i++) {
        crm__slice name = crm__table_column(imp->in.table, i);
        marks = crm__text_marks(name.p, name.n);
        if (marks)
            snprintf(err->message + n, sizeof err->message - n, " (in the name of column %zu %s)",
                     i + 1,
                     marks & CRM__HAS_NUL ? "stands a NUL byte"
                                          : "are bytes that are not of the encoding");
    }
    if (!marks && *info->encoding && info->encoding_percent < SURE)
        snprintf(err->message + n, sizeof err->message - n, " (that it is %s is a guess)",
                 info->encoding);
}

static size_t used_columns(const crm__mapping *m)
{
    size_t n = 0;

    for (size_t i = 0; i < crm__mapping_count(m); i++) {
        unsigned use = crm__mapping_at(m, i)->use;
        n += use != CRM__USE_NONE && use != CRM__USE_LEFT_OUT;
    }
    return n;
}

/* Whether more of the columns are known, and when and whose it was among them, when rows are
 * events. */
static int look_like_events(crm_import *imp, crm_txn *txn)
{
    crm__mapping_options o = {.what = CRM__MAP_EVENTS};
    crm_error why = CRM_ERROR_INIT;
    crm__mapping *m;
    int rc;

    if (imp->what == CRM__MAP_EVENTS || !has_head(imp) ||
        crm__mapping_new(txn, &o, &m, NULL))
        return 0;
    rc = crm__mapping_columns(m, imp->in.table, &why);
    if (!rc)
        rc = crm__mapping_judge(m, &why);
    if (rc == CRM_EFIELD && strcmp(why.field, "kind") == 0) /* --kind may tell it */
        rc = CRM_OK;
    if (used_columns(m) <= used_columns(imp->map))
        rc = CRM_EFIELD;
    crm__mapping_free(m);
    return !rc;
}

/* What a person is told of columns by which nothing can be imported. */
static int no_use(crm_import *imp, crm_error *err)
{
    size_t n;

    tell_names(imp, err);
    n = strlen(err->message);
    if (imp->events)
        snprintf(err->message + n, sizeof err->message - n,
                 "; the columns look like those of events");
    if (!(imp->o.flags & CRM_IMPORT_LOOK))
        return CRM_EFIELD;
    memcpy(imp->missing, err->message, sizeof imp->missing);
    crm_error_init(err);
    return CRM_OK;
}

/* Finds what the columns are, in a transaction that only reads. */
static int find_mapping(crm_import *imp, crm_error *err)
{
    crm__mapping_options m = {imp->what,
                              imp->o.mapping,
                              imp->o.mapping ? strlen(imp->o.mapping) : 0,
                              imp->o.kind,
                              imp->txn_o.source,
                              imp->o.policy == CRM_IMPORT_UPDATE,
                              imp->o.policy == CRM_IMPORT_UPSERT,
                              imp->o.customer};
    crm_txn *txn;
    int rc = crm_txn_begin(imp->db, CRM_READ, NULL, &txn, err);

    if (rc)
        return rc;
    rc = crm__mapping_new(txn, &m, &imp->map, err);
    if (!rc)
        rc = crm__mapping_columns(imp->map, imp->in.table, err);
    if (!rc && has_head(imp))
        rc = crm__mapping_judge(imp->map, err);
    if (!rc && has_head(imp))
        rc = judge_identities(imp, txn, err);
    if (imp->map && (imp->o.mapping ? rc == CRM_EFIELD && err->row <= 0 : !rc || rc == CRM_EFIELD))
        imp->events = look_like_events(imp, txn);
    if (rc == CRM_EFIELD && imp->map)
        rc = no_use(imp, err);
    crm_txn_abort(txn);
    return rc;
}

/* While nothing comes the host is asked whether to go on. */
static int ask(void *ctx)
{
    const crm_import *imp = ctx;

    return imp->o.progress &&
           imp->o.progress(imp->in.bytes, imp->in.total, imp->done.rows, imp->o.ctx);
}

/* Who writes, and the zone of times: judged before anything is read, not with the first write. */
static int judge_txn(crm_import *imp, crm_error *err)
{
    crm_txn_options o = imp->txn_o;
    const char *name = o.batch_name;
    crm_txn *txn;
    int rc;

    if (name && !crm__batch_name_ok(name, strlen(name)))
        return crm__fail_field(err, CRM_EINVAL, "batch_name",
                               "batch_name is not plain UTF-8 text of at most %d bytes",
                               CRM__BATCH_NAME);
    o.batch_name = NULL;
    rc = crm_txn_begin(imp->db, CRM_READ, &o, &txn, err);
    if (rc == CRM_ENOTFOUND)
        crm__copy_name(err->field, "zone", 4);
    if (!rc)
        crm_txn_abort(txn);
    return rc;
}

/* What beside the rows and the policy says what becomes of them. */
static uint64_t ways_of(const crm_import *imp)
{
    const char *const texts[] = {imp->o.mapping, imp->o.kind, imp->txn_o.zone};
    uint64_t h = imp->o.flags & CRM_IMPORT_RENAME;

    h = h * 31 + imp->o.customer;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        h = crm__hash64(h + 1, texts[i] ? texts[i] : "", texts[i] ? strlen(texts[i]) : 0);
    return h;
}

static int prepare(crm_import *imp, int fd, const crm_import_options *opts, crm_error *err)
{
    crm__input from = {fd, NULL, imp, ask};
    struct stat st;
    int rc = read_options(imp, opts, err);

    if (!rc && fd < 0)
        rc = crm__fail_field(err, CRM_EINVAL, "fd", "there is no such descriptor");
    if (!rc)
        rc = judge_txn(imp, err);
    if (rc)
        return rc;
    imp->waits = fstat(fd, &st) || !S_ISREG(st.st_mode);
    from.idle = imp->waits ? ask : NULL;
    imp->stored.what = imp->what;
    imp->stored.policy = imp->o.policy;
    imp->stored.ways = ways_of(imp);
    if (imp->txn_o.source)
        snprintf(imp->stored.source, sizeof imp->stored.source, "%s", imp->txn_o.source);
    if (imp->o.flags & CRM_IMPORT_RESUME)
        rc = crm__import_find(imp->db, fd, &imp->o, &imp->stored, &imp->stored, err);
    if (!rc && !(imp->o.flags & CRM_IMPORT_DRY_RUN))
        rc = crm__import_list(imp->db, &imp->stored, &imp->others, err);
    imp->done = imp->stored;
    imp->resumed = imp->stored.rows;
    if (!rc)
        rc = crm__rows_open(&imp->mem, &from, &imp->o, &imp->in, err);
    if (!rc && imp->in.table)
        rc = find_mapping(imp, err);
    else if (!rc && imp->o.mapping)
        rc = crm__fail_field(err, CRM_EINVAL, "mapping",
                             "JSON Lines name their fields, a mapping does not apply");
    return rc;
}

int crm_import_open(crm_db *db, int fd, const crm_import_options *opts, crm_import **out,
                    crm_error *err)
{
    crm_error local = CRM_ERROR_INIT;
    crm_import *imp;
    int rc;

    if (!err)
        err = &local;
    if (!out)
        return crm__fail_field(err, CRM_EINVAL, "out", "out is NULL");
    *out = NULL;
    rc = crm__db_enter(db, err);
    if (rc)
        return rc;
    imp = crm__calloc(&db->mem, 1, sizeof *imp);
    if (!imp)
        return crm__fail_nomem(err);
    crm__db_hold(db);
    imp->db = db;
    imp->mem = db->mem;
    crm__arena_init(&imp->arena, &imp->mem);
    crm__arena_init(&imp->row, &imp->mem);
    crm__buf_init(&imp->faults, &imp->mem);
    crm__buf_init(&imp->texts, &imp->mem);
    crm__buf_init(&imp->others, &imp->mem);
    crm__portion_init(&imp->p, &imp->mem);
    rc = prepare(imp, fd, opts, err);
    if (rc) {
        crm_import_close(imp);
        return rc;
    }
    *out = imp;
    return CRM_OK;
}

void crm_import_close(crm_import *imp)
{
    crm_allocator mem;
    crm_db *db;

    if (!imp)
        return;
    crm__mapping_free(imp->map);
    crm__rows_close(&imp->in);
    crm__portion_clear(&imp->p);
    crm__buf_clear(&imp->faults);
    crm__buf_clear(&imp->texts);
    crm__buf_clear(&imp->others);
    crm__numbers_clear(&imp->mem, &imp->became);
    crm__numbers_clear(&imp->mem, &imp->taken);
    crm__arena_clear(&imp->row);
    crm__arena_clear(&imp->arena);
    mem = imp->mem;
    db = imp->db;
    crm__release(&mem, imp);
    crm__db_drop(db);
}

int crm_import_resumed(const crm_import *imp, uint64_t *batch, uint64_t *rows, uint64_t *mark)
{
    if (!imp)
        return CRM_EINVAL;
    if (batch)
        *batch = imp->stored.batch;
    if (rows)
        *rows = imp->resumed;
    if (mark)
        *mark = imp->stored.mark;
    return CRM_OK;
}

/* ---- the mapping ---- */

static void put_member(crm__buf *b, const char *key, const void *p, size_t n)
{
    crm__buf_add_fmt(b, ",\"%s\":", key);
    crm__json_string(b, p ? p : "", n);
}

static void put_str(crm__buf *b, const char *key, const char *s)
{
    put_member(b, key, s, s ? strlen(s) : 0);
}

static void put_column(crm__buf *b, const crm__mapped *m)
{
    static const char *const USE[] = {"none",      "left_out", "field",     "id",
                                      "kind",      "part",     "attribute", "time",
                                      "reference", "source",   "tag"};
    static const char *const FOUND[] = {"", "mapping", "key", "label", "known"};

    crm__buf_add_str(b, "{\"column\":");
    crm__json_string(b, m->column.p ? (const void *)m->column.p : "", m->column.n);
    put_str(b, "use", USE[m->use]);
    put_str(b, "field", m->key);
    put_str(b, "source", m->source);
    put_str(b, "found", FOUND[m->found]);
    put_str(b, "program", m->program);
    put_str(b, "why", m->why);
    crm__buf_add_u8(b, '}');
}

static void put_table(const crm_import *imp, crm__buf *b)
{
    const crm__table_info *i = crm__table_info_of(imp->in.table);

    crm__buf_add_str(b, "{\"format\":");
    crm__json_string(b, i->format, strlen(i->format));
    put_str(b, "encoding", i->encoding);
    crm__buf_add_fmt(b, ",\"encoding_percent\":%u,\"gzip\":%s", i->encoding_percent,
                     i->gzip ? "true" : "false");
    put_member(b, "separator", &i->separator, i->separator != 0);
    if (i->sheet)
        put_str(b, "sheet", i->sheet);
    if (i->version)
        put_str(b, "version", i->version);
    if (imp->events)
        put_str(b, "looks_like", "events");
    if (imp->missing[0])
        put_str(b, "missing", imp->missing);
    crm__buf_add_str(b, ",\"columns\":[");
    for (size_t k = 0; k < crm__mapping_count(imp->map); k++) {
        if (k)
            crm__buf_add_u8(b, ',');
        put_column(b, crm__mapping_at(imp->map, k));
    }
    crm__buf_add_str(b, "]}");
}

static void put_lines(const crm_import *imp, crm__buf *b)
{
    const crm__text_info *i = crm__lines_info(imp->in.lines);

    crm__buf_add_str(b, "{\"format\":\"jsonl\"");
    put_str(b, "encoding", i->encoding.name);
    crm__buf_add_fmt(b, ",\"encoding_percent\":%u,\"gzip\":%s,\"separator\":\"\",\"columns\":[]}",
                     i->encoding.percent, i->gzip ? "true" : "false");
}

/* Hands a text over and frees the buffer. */
static int give(const crm_import *imp, crm__buf *b, char **out, size_t *n, crm_error *err)
{
    int failed = b->failed;

    if (!failed) {
        *out = crm__give(&imp->mem, b->p, b->n);
        failed = !*out;
    }
    if (!failed && n)
        *n = b->n;
    crm__buf_clear(b);
    return failed ? crm__fail_nomem(err) : CRM_OK;
}

static int begin_text(const crm_import *imp, char **out, crm__buf *b, crm_error *err)
{
    if (out)
        *out = NULL;
    if (!imp || !out)
        return crm__fail_field(err, CRM_EINVAL, imp ? "text" : "imp", "an argument is NULL");
    crm__buf_init(b, &imp->mem);
    return CRM_OK;
}

int crm_import_mapping_json(const crm_import *imp, char **json, size_t *n, crm_error *err)
{
    crm__buf b;
    int rc = begin_text(imp, json, &b, err);

    if (rc)
        return rc;
    if (imp->map)
        put_table(imp, &b);
    else
        put_lines(imp, &b);
    return give(imp, &b, json, n, err);
}

int crm_import_mapping_text(const crm_import *imp, char **text, size_t *n, crm_error *err)
{
    crm__buf b;
    int rc = begin_text(imp, text, &b, err);

    if (rc)
        return rc;
    if (!imp->map)
        return crm__fail(err, CRM_ESTATE, "JSON Lines need no mapping");
    rc = crm__mapping_write(imp->map, imp->missing[0] != 0, &b);
    if (rc) {
        crm__buf_clear(&b);
        return crm__fail(err, rc, "%s", crm_error_text(rc));
    }
    return give(imp, &b, text, n, err);
}
