/* SPDX-License-Identifier: MIT
 * The text form of a golden database.
 */
#include "golden.h"

#include "crmtest.h"
#include "db/txn.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct dump {
    FILE *out;
    crm_txn *txn;
    crm_error err;
} dump;

static void fine(dump *d, int rc, const char *what)
{
    ck_assert_msg(rc == CRM_OK, "%s: %s: %s", what, crm_error_name(rc), d->err.message);
}

char *golden_read_file(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    char *p = NULL;
    size_t size = 0, got;

    ck_assert_msg(f != NULL, "can't open %s", path);
    do {
        p = realloc(p, size + 65537);
        ck_assert_ptr_nonnull(p);
        got = fread(p + size, 1, 65536, f);
        size += got;
    } while (got);
    fclose(f);
    p[size] = 0;
    if (n)
        *n = size;
    return p;
}

void golden_write_file(const char *path, const char *p, size_t n)
{
    FILE *f = fopen(path, "wb");

    ck_assert_msg(f != NULL, "can't make %s", path);
    ck_assert_uint_eq(fwrite(p, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
}

/* Lines of the dump stay lines: text of several lines is set in by two blanks. */
static void put_text(dump *d, const char *s)
{
    fputs("  ", d->out);
    for (; *s; s++) {
        fputc(*s, d->out);
        if (*s == '\n' && s[1])
            fputs("  ", d->out);
    }
}

static void customers(dump *d, uint32_t flags, const char *word)
{
    crm_list_options o = CRM_LIST_OPTIONS_INIT;
    crm_customer_iter *it;
    crm_customer *c;
    int rc;

    o.flags = flags;
    fine(d, crm_customer_list(d->txn, &o, &it, &d->err), "list");
    while ((rc = crm_customer_next(it, &c, &d->err)) == CRM_OK) {
        char *json;
        fine(d, crm_customer_to_json(d->txn, c, CRM_JSON_ORIGINS, &json, NULL, &d->err), "to_json");
        fprintf(d->out, "%s %s\n", word, json);
        crm_free(json);
    }
    ck_assert_int_eq(rc, CRM_DONE);
    crm_customer_list_close(it);
}

/* Every value of every field that customers are found by. */
static void found_by(dump *d, crm_customer *c, const crm_field *f, size_t i)
{
    const char *text, *source = NULL;
    char value[300];
    crm_id ids[8];
    size_t n;

    if (!(f->flags & (CRM_FIELD_IDENTITY | CRM_FIELD_UNIQUE)) && f->type != CRM_TYPE_CUSTOMER)
        return;
    fine(d, crm_customer_text(c, f, i, &text, &n, &d->err), "text");
    ck_assert_uint_lt(n, sizeof value);
    memcpy(value, text, n);
    value[n] = 0;
    if (f->flags & CRM_FIELD_PER_SOURCE)
        fine(d, crm_customer_source(d->txn, c, f, i, &source, &d->err), "source");
    fine(d, crm_customer_find(d->txn, f, source, value, n, ids, 8, &n, &d->err), "find");
    fprintf(d->out, "find %s%s%s %s:", f->key, source ? "@" : "", source ? source : "", value);
    for (size_t k = 0; k < n && k < 8; k++)
        fprintf(d->out, " %llu", (unsigned long long)ids[k]);
    fputc('\n', d->out);
}

static void finds(dump *d)
{
    crm_customer_iter *it;
    crm_customer *c, *copy;
    int rc;

    fine(d, crm_customer_new(d->txn, &copy, &d->err), "new");
    fine(d, crm_customer_list(d->txn, NULL, &it, &d->err), "list");
    while ((rc = crm_customer_next(it, &c, &d->err)) == CRM_OK) {
        size_t pos = 0;
        crm_field f;
        fine(d, crm_customer_get(d->txn, crm_customer_id(c), copy, &d->err), "get");
        while ((rc = crm_field_next(d->txn, &pos, &f, &d->err)) == CRM_OK) {
            for (size_t i = 0; i < crm_customer_count(copy, &f); i++)
                found_by(d, copy, &f, i);
        }
        ck_assert_int_eq(rc, CRM_DONE);
    }
    ck_assert_int_eq(rc, CRM_DONE);
    crm_customer_list_close(it);
    crm_customer_free(copy);
}

static void name_of(dump *d, const char *what, int cls, uint32_t number)
{
    crm__slice name;

    if (!number)
        return;
    ck_assert_int_eq(crm__dict_name(d->txn, cls, number, &name), CRM_OK);
    fprintf(d->out, " %s \"%.*s\"", what, (int)name.n, (const char *)name.p);
}

/* What no public function gives yet: the journal, from its rows. */
static void journal(dump *d, uint64_t last)
{
    for (uint64_t seq = 1; seq <= last; seq++) {
        uint8_t key[CRM__KEY_U64];
        crm__journal_entry e;
        crm__slice bytes;
        ck_assert_int_eq(crm__txn_read(d->txn, KV_JOURNAL, crm__key_u64(key, seq), &bytes), CRM_OK);
        ck_assert_int_eq(crm__journal_decode(bytes, &e), CRM_OK);
        fprintf(d->out,
                "journal %llu: action %d of %llu, after %llu, %u fields, at %lld, next id %llu, "
                "%llu live, %llu deleted",
                (unsigned long long)seq, e.action, (unsigned long long)e.target,
                (unsigned long long)e.previous, e.field_count, (long long)e.recorded,
                (unsigned long long)e.counters.next_id, (unsigned long long)e.counters.live,
                (unsigned long long)e.counters.deleted);
        name_of(d, "actor", CRM__DICT_NAMES, e.actor);
        name_of(d, "purpose", CRM__DICT_NAMES, e.purpose);
        name_of(d, "channel", CRM__DICT_NAMES, e.channel);
        name_of(d, "source", CRM__DICT_SOURCE, e.source);
        fputc('\n', d->out);
    }
}

char *golden_dump(crm_db *db)
{
    char *text = NULL, *yaml;
    size_t n;
    uint32_t version;
    crm_db_stat st;
    dump d;

    d.err = (crm_error)CRM_ERROR_INIT;
    d.out = open_memstream(&text, &n);
    ck_assert_ptr_nonnull(d.out);
    fine(&d, crm_db_stat_get(db, sizeof st, &st, &d.err), "stat");
    fprintf(d.out, "customers %llu\ndeleted %llu\nrevision %llu\nrecorded %lld\nmodel version %u\n",
            (unsigned long long)st.customers, (unsigned long long)st.deleted,
            (unsigned long long)st.revision, (long long)st.recorded_us, st.model_version);
    fine(&d, crm_txn_begin(db, CRM_READ, NULL, &d.txn, &d.err), "begin");
    fine(&d, crm_model_text(d.txn, &yaml, NULL, &version, &d.err), "model");
    fprintf(d.out, "model %u:\n", version);
    put_text(&d, yaml);
    crm_free(yaml);
    customers(&d, 0, "customer");
    customers(&d, CRM_LIST_DELETED, "deleted");
    finds(&d);
    journal(&d, st.revision);
    crm_txn_abort(d.txn);
    fclose(d.out);
    return text;
}
