/* SPDX-License-Identifier: MIT
 * Loading a dump: the text of a small database with the input's changes in it, or the input alone,
 * under a last line that fits it.  Whatever the text says the result is a code; a database that
 * comes of it is sound, and its dump loads again and stays the same.
 */
#include "fuzz.h"

#include "io/dump.h"

#include <crm/crm.h>

static const char MODEL[] =
    "crm: 1\nname: m\nfields:\n  name: {type: text}\n  mail: {type: email, list: true, identity: "
    "true}\n"
    "  grade: {type: enum, values: [a, b]}\n  limit: {type: money}\n  born: {type: date}\n"
    "  boss: {type: customer}\n  met: {type: datetime}\n  rate: {type: decimal}\n"
    "identities:\n  external: {type: text, per: source, unique: true}\n"
    "events:\n  order:\n    attributes:\n      amount: {type: money, fast: true}\n"
    "      note: {type: text, fast: true}\n      way: {type: enum, fast: true, values: [web, "
    "shop]}\n";

typedef struct text {
    char *p;
    size_t n;
} text;

static text base;
static char file[4200], folder[4200];

static int64_t stopped(void *ctx)
{
    (void)ctx;
    return INT64_C(1767225600000000);
}

static int take_piece(const void *bytes, size_t n, void *ctx)
{
    text *t = ctx;

    t->p = realloc(t->p, t->n + n + 1);
    MUST(t->p);
    memcpy(t->p + t->n, bytes, n);
    t->n += n;
    return 0;
}

static text dump(const char *dir)
{
    crm_dump_options o = CRM_DUMP_OPTIONS_INIT;
    crm_db_options dbo = CRM_DB_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    text t = {NULL, 0};
    crm_db *db;
    int rc;

    o.write = take_piece;
    o.write_ctx = &t;
    o.flags = CRM_DUMP_READONLY;
    dbo.flags = CRM_READONLY;
    MUST(crm_db_open(dir, &dbo, &db, &err) == CRM_OK);
    rc = crm_dump(db, NULL, &o, 0, NULL, &err);
    if (rc)
        fprintf(stderr, "%s\n", err.message);
    MUST(rc == CRM_OK);
    crm_db_close(db);
    return t;
}

static void fill(crm_txn *txn)
{
    static const char *const EVENTS[] = {
        "{\"kind\":\"order\",\"time\":\"2025-01-02\",\"amount\":\"1.50 CNY\",\"way\":\"web\"}",
        "{\"kind\":\"order\",\"time\":\"2025-01-01T08:00:00.000001Z\",\"reference\":\"R\"}",
        "{\"kind\":\"order\",\"time\":\"2025-01-03\",\"note\":\"n\",\"voids\":1}",
    };
    MUST(!crm_customer_create_json(
        txn,
        "{\"name\":\"A\",\"mail\":[\"a@x.cn\",\"B@x.cn\"],\"grade\":\"a\",\"limit\":\"12.50 CNY\","
        "\"born\":\"1990-05\",\"met\":\"2025-01-01T10:00:00Z\",\"rate\":\"0.10\","
        "\"external\":{\"source\":\"shop\",\"value\":\"7\"}}",
        CRM_NUL, NULL, NULL));
    MUST(!crm_customer_create_json(txn, "{\"name\":\"B\",\"boss\":1}", CRM_NUL, NULL, NULL));
    for (int i = 0; i < 60; i++)
        (void)crm_event_add_json(txn, 1, EVENTS[i % 3], CRM_NUL, NULL, NULL);
    MUST(!crm_event_void(txn, 1, 2, NULL));
}

static void set_up(void)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_txn_options t = CRM_TXN_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    crm_txn *txn;
    crm_db *db;

    snprintf(file, sizeof file, "%s.in", fuzz_folder());
    snprintf(folder, sizeof folder, "%s.out", fuzz_folder());
    o.model = MODEL;
    o.test_clock = stopped;
    t.source = "shop";
    t.actor = "li.na";
    t.batch = CRM_BATCH_NEW;
    if (crm_db_open(fuzz_folder(), &o, &db, &err) || crm_txn_begin(db, CRM_WRITE, &t, &txn, &err)) {
        fprintf(stderr, "%s\n", err.message);
        abort();
    }
    fill(txn);
    MUST(!crm_txn_commit(txn, NULL));
    MUST(!crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL));
    MUST(!crm_customer_patch_json(txn, 1, 0, "{\"name\":\"AA\"}", CRM_NUL, NULL));
    MUST(!crm_customer_delete(txn, 2, 0, NULL));
    MUST(!crm_txn_commit(txn, NULL));
    crm_db_close(db);
    base = dump(fuzz_folder());
}

/* The text with a last line that is right for it. */
static void end_line(crm__buf *t)
{
    uint8_t sum[CRM__DIGEST] = {0};
    uint64_t lines = 0;
    size_t from = 0;

    for (size_t i = 0; i < t->n; i++) {
        if (t->p[i] != '\n')
            continue;
        if (i - from > 6 && memcmp(t->p + from, "{\"end\"", 6) == 0)
            break;
        crm__line_sum(sum, t->p + from, i - from);
        lines++;
        from = i + 1;
    }
    t->n = from;
    crm__buf_add_fmt(t, "{\"end\":%llu,\"sum\":\"", (unsigned long long)lines);
    crm__hex_add(t, sum, sizeof sum);
    crm__buf_add_str(t, "\"}\n");
}

/* Some places of the base are replaced by other bytes, or by lines of the base. */
static void change(input *in, crm__buf *t)
{
    size_t at = 0;

    while (in->n) {
        size_t next = take_number(in, 2) * 7 % (base.n - at + 1) + at;
        size_t skip = take(in), add = take(in) % 40, got;
        uint8_t *bytes;
        crm__buf_add(t, base.p + at, next - at);
        at = next + skip < base.n ? next + skip : base.n;
        if (skip > 200) { /* a whole line goes */
            const char *end = memchr(base.p + at, '\n', base.n - at);
            at = end ? (size_t)(end - base.p) + 1 : base.n;
        }
        bytes = take_copy(in, add, &got);
        crm__buf_add(t, bytes, got);
        free(bytes);
    }
    crm__buf_add(t, base.p + at, base.n - at);
}

static int load(const void *p, size_t n)
{
    crm_error err = CRM_ERROR_INIT;
    FILE *f = fopen(file, "wb");
    int rc;

    MUST(f && fwrite(p, 1, n, f) == n && fclose(f) == 0);
    rc = crm_load(file, folder, NULL, 0, NULL, &err);
    unlink(file);
    MUST(rc == CRM_OK || (rc == err.code && err.message[0]));
    MUST(rc == CRM_OK || access(folder, F_OK) != 0);
    return rc;
}

static void remove_folder(void)
{
    static const char *const FILES[] = {"data.mdb", "lock.mdb", "crm.lock"};
    char path[4300];

    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, FILES[i]);
        unlink(path);
    }
    rmdir(folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    text first, second;
    crm__buf t;
    int mode, rc;

    if (!base.p)
        set_up();
    crm__buf_init(&t, NULL);
    mode = take(&in);
    if (mode & 1)
        change(&in, &t);
    else
        crm__buf_add(&t, in.p, in.n);
    if (mode & 2)
        end_line(&t);
    MUST(!t.failed);
    rc = load(t.p, t.n);
    MUST(rc == CRM_OK || rc == CRM_ESYNTAX || rc == CRM_EVALUE || rc == CRM_ECORRUPT ||
         rc == CRM_EVERSION);
    crm__buf_clear(&t);
    if (rc)
        return 0;
    first = dump(folder);
    remove_folder();
    MUST(load(first.p, first.n) == CRM_OK);
    second = dump(folder);
    remove_folder();
    MUST(first.n == second.n && memcmp(first.p, second.p, first.n) == 0);
    free(first.p);
    free(second.p);
    return 0;
}
