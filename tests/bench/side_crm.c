/* SPDX-License-Identifier: MIT
 * The library, through its public functions only.
 */
#include "bench.h"

#include <crm/crm.h>

#include <sys/stat.h>

enum { TICK_STEP = 5000, FOUND = 64, FIELDS = TEXTS + 2 };

static const char MODEL[] =
    "crm: 1\n"
    "name: bench\n"
    "fields:\n"
    "  external_id: {type: text, identity: true, unique: true, required: true}\n"
    "  name: {type: text}\n"
    "  email: {type: email, identity: true}\n"
    "  phone: {type: phone, identity: true}\n"
    "  company: {type: text}\n"
    "  city: {type: text}\n"
    "  country: {type: country}\n"
    "  gender: {type: enum, values: [f, m, x]}\n"
    "  birth_date: {type: date}\n"
    "  lead_source: {type: text}\n"
    "  lifecycle: {type: enum, values: [lead, prospect, active, dormant, lost]}\n"
    "  score: {type: integer, min: 0, max: 1000}\n"
    "  first_seen: {type: datetime}\n";

typedef struct handle {
    crm_db *db;
    crm_field field[FIELDS];
    crm_customer *c;
} handle;

static void must(int rc, const crm_error *err, const char *what)
{
    if (rc)
        bench_die("libcrm: %s: %s (%s)", what, err->message, crm_error_name(rc));
}

static crm_txn *begin(crm_db *db, int mode)
{
    crm_error err = CRM_ERROR_INIT;
    crm_txn *txn;

    must(crm_txn_begin(db, mode, NULL, &txn, &err), &err, "begin");
    return txn;
}

static void *open_dir(const char *dir)
{
    crm_error err = CRM_ERROR_INIT;
    crm_db_options opts = CRM_DB_OPTIONS_INIT;
    handle *h = calloc(1, sizeof *h);
    crm_txn *txn;

    if (!h)
        bench_die("out of memory");
    opts.model = MODEL;
    must(crm_db_open(dir, &opts, &h->db, &err), &err, "open");
    txn = begin(h->db, CRM_READ);
    for (int i = 0; i < FIELDS; i++) {
        const char *name = i < TEXTS ? TEXT_NAMES[i] : i == TEXTS ? "score" : "first_seen";
        must(crm_field_find(txn, name, CRM_NUL, &h->field[i], &err), &err, name);
    }
    must(crm_customer_new(txn, &h->c, &err), &err, "record");
    crm_txn_abort(txn);
    return h;
}

static void close_dir(void *handle_)
{
    handle *h = handle_;

    crm_customer_free(h->c);
    crm_db_close(h->db);
    free(h);
}

static void fill(handle *h, const person *p)
{
    crm_error err = CRM_ERROR_INIT;

    crm_customer_clear(h->c);
    for (int i = 0; i < TEXTS; i++) {
        if (p->text[i][0])
            must(crm_customer_set(h->c, &h->field[i], p->text[i], CRM_NUL, &err), &err,
                 TEXT_NAMES[i]);
    }
    must(crm_customer_set_integer(h->c, &h->field[TEXTS], p->score, &err), &err, "score");
    must(crm_customer_set_integer(h->c, &h->field[TEXTS + 1], p->first_seen * 1000000, &err), &err,
         "first_seen");
}

static void load(const char *dir, uint64_t n, void (*tick)(void))
{
    crm_error err = CRM_ERROR_INIT;
    handle *h = open_dir(dir);
    crm_txn *txn = begin(h->db, CRM_WRITE);
    person p;

    for (uint64_t i = 0; i < n; i++) {
        if (i % TICK_STEP == 0)
            tick();
        data_person(i, &p);
        fill(h, &p);
        must(crm_customer_create(txn, h->c, NULL, &err), &err, "create");
    }
    tick();
    must(crm_txn_commit(txn, &err), &err, "commit");
    close_dir(h);
}

static uint64_t file_bytes(const char *dir)
{
    char path[4096];
    struct stat st;

    snprintf(path, sizeof path, "%s/data.mdb", dir);
    return stat(path, &st) ? 0 : (uint64_t)st.st_size;
}

static void add(handle *h, crm_customer *c, answer *a)
{
    crm_error err = CRM_ERROR_INIT;
    const char *text;
    int64_t v;
    size_t n;

    for (int i = 0; i < TEXTS; i++) {
        int rc = crm_customer_text(c, &h->field[i], 0, &text, &n, NULL);
        if (rc == CRM_OK)
            a->sum += n;
        else if (rc != CRM_ENOTFOUND)
            bench_die("libcrm: %s: %s", TEXT_NAMES[i], crm_error_name(rc));
    }
    must(crm_customer_integer(c, &h->field[TEXTS], 0, &v, &err), &err, "score");
    a->sum += (uint64_t)v;
    must(crm_customer_integer(c, &h->field[TEXTS + 1], 0, &v, &err), &err, "first_seen");
    a->sum += (uint64_t)v / 1000000;
    a->hits++;
}

static void look_up(void *handle_, int by, const data_key *keys, size_t count, int each, answer *a)
{
    crm_error err = CRM_ERROR_INIT;
    handle *h = handle_;
    crm_txn *txn = each ? NULL : begin(h->db, CRM_READ);
    crm_id ids[FOUND];
    size_t found;

    for (size_t i = 0; i < count; i++) {
        int rc;
        if (each)
            txn = begin(h->db, CRM_READ);
        rc =
            crm_customer_find(txn, &h->field[by], NULL, keys[i], CRM_NUL, ids, FOUND, &found, NULL);
        if ((rc && rc != CRM_ENOTFOUND) || found > FOUND)
            bench_die("libcrm: find: %s", crm_error_name(rc));
        for (size_t k = 0; k < found; k++) {
            must(crm_customer_get(txn, ids[k], h->c, &err), &err, "get");
            add(h, h->c, a);
        }
        if (each)
            crm_txn_abort(txn);
    }
    if (!each)
        crm_txn_abort(txn);
}

static void list(void *handle_, answer *a)
{
    crm_error err = CRM_ERROR_INIT;
    handle *h = handle_;
    crm_txn *txn = begin(h->db, CRM_READ);
    crm_customer_iter *it;
    crm_customer *c;
    int rc;

    must(crm_customer_list(txn, NULL, &it, &err), &err, "list");
    while ((rc = crm_customer_next(it, &c, &err)) == CRM_OK)
        add(h, c, a);
    if (rc != CRM_DONE)
        must(rc, &err, "next");
    crm_customer_list_close(it);
    crm_txn_abort(txn);
}

static uint64_t count_all(void *handle_)
{
    crm_error err = CRM_ERROR_INIT;
    handle *h = handle_;
    crm_db_stat stat;

    must(crm_db_stat_get(h->db, sizeof stat, &stat, &err), &err, "stat");
    return stat.customers;
}

/* ---- one changed field, one durable commit ---- */

typedef struct writer {
    handle *h;
    crm_customer *c;
    char key[TEXT_ROOM];
    int64_t score;
} writer;

static void *writer_open(void *handle_)
{
    crm_error err = CRM_ERROR_INIT;
    writer *w = calloc(1, sizeof *w);
    crm_txn *txn;

    if (!w)
        bench_die("out of memory");
    w->h = handle_;
    txn = begin(w->h->db, CRM_READ);
    must(crm_customer_new(txn, &w->c, &err), &err, "record");
    crm_txn_abort(txn);
    return w;
}

static void writer_close(void *writer_)
{
    writer *w = writer_;

    crm_customer_free(w->c);
    free(w);
}

static int change(crm_txn *txn, void *ctx)
{
    writer *w = ctx;
    crm_id id;
    size_t found;
    int rc = crm_customer_find(txn, &w->h->field[EXTERNAL_ID], NULL, w->key, CRM_NUL, &id, 1,
                               &found, NULL);

    if (rc)
        return rc;
    crm_customer_clear(w->c);
    rc = crm_customer_set_integer(w->c, &w->h->field[TEXTS], w->score, NULL);
    return rc ? rc : crm_customer_patch(txn, id, 0, w->c, NULL);
}

static void write_one(void *writer_, uint64_t customer, int64_t score)
{
    crm_error err = CRM_ERROR_INIT;
    writer *w = writer_;
    person p;

    data_person(customer, &p);
    memcpy(w->key, p.text[EXTERNAL_ID], sizeof w->key);
    w->score = score;
    must(crm_db_write(w->h->db, NULL, change, w, &err), &err, "write");
}

const side SIDE_CRM = {
    .name = "libcrm",
    .answers = 1,
    .many = 1,
    .load = load,
    .file_bytes = file_bytes,
    .open = open_dir,
    .close = close_dir,
    .look_up = look_up,
    .list = list,
    .count = count_all,
    .writer = writer_open,
    .write = write_one,
    .writer_close = writer_close,
};
