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

static void put_lines(dump *d, const char *what, char *json)
{
    fprintf(d->out, "%s %s\n", what, json);
    crm_free(json);
}

static void journal(dump *d)
{
    crm_head head = CRM_HEAD_INIT;
    crm_change c = CRM_CHANGE_INIT;
    crm_change_iter *it;
    char *json;
    int rc;

    fine(d, crm_journal_head(d->txn, &head, &d->err), "head");
    fine(d, crm_journal_verify(d->txn, &head, 1, NULL, NULL, &d->err), "verify");
    fine(d, crm_change_list(d->txn, 0, &it, &d->err), "changes");
    while ((rc = crm_change_next(it, &c, &d->err)) == CRM_OK) {
        fine(d, crm_change_json(it, &json, NULL, &d->err), "change");
        put_lines(d, "change", json);
    }
    ck_assert_int_eq(rc, CRM_DONE);
    crm_change_close(it);
}

static void histories(dump *d, crm_id last)
{
    for (crm_id id = 1; id <= last; id++) {
        crm_change c = CRM_CHANGE_INIT;
        crm_history *h;
        char *json;
        int rc;
        fine(d, crm_history_open(d->txn, id, &h, &d->err), "history");
        while ((rc = crm_history_next(h, &c, &d->err)) == CRM_OK) {
            fine(d, crm_history_json(h, &json, NULL, &d->err), "history");
            put_lines(d, "history", json);
        }
        ck_assert_int_eq(rc, CRM_DONE);
        crm_history_close(h);
    }
}

static void timelines(dump *d, crm_id last)
{
    crm_event_list_options o = CRM_EVENT_LIST_OPTIONS_INIT;

    o.flags = CRM_EVENTS_ALL | CRM_EVENTS_OLDEST | CRM_EVENTS_DELETED;
    for (crm_id id = 1; id <= last; id++) {
        crm_event_iter *it;
        crm_event *e;
        char *json;
        int rc;
        fine(d, crm_event_list(d->txn, id, &o, &it, &d->err), "events");
        while ((rc = crm_event_next(it, &e, &d->err)) == CRM_OK) {
            fine(d, crm_event_to_json(d->txn, e, &json, NULL, &d->err), "event");
            put_lines(d, "event", json);
        }
        ck_assert_int_eq(rc, CRM_DONE);
        crm_event_list_close(it);
        rc = crm_event_totals_json(d->txn, id, &json, NULL, &d->err);
        if (rc == CRM_ENOTFOUND) /* deleted */
            continue;
        fine(d, rc, "totals");
        put_lines(d, "totals", json);
    }
}

/* Every tag, also one that has ended, with who gave it, when and why. */
static void tags(dump *d, crm_id last)
{
    crm_tag_count_iter *counts;
    crm_tag_count count = CRM_TAG_COUNT_INIT;
    int rc;

    for (crm_id id = 1; id <= last; id++) {
        crm_tag t = CRM_TAG_INIT;
        crm_tag_iter *it;
        rc = crm_tag_list(d->txn, id, CRM_TAG_ENDED, &it, &d->err);
        if (rc == CRM_ENOTFOUND) /* deleted */
            continue;
        fine(d, rc, "tags");
        while ((rc = crm_tag_next(it, &t, &d->err)) == CRM_OK)
            fprintf(d->out, "tag %llu %s until %lld by %s, %s at %lld, %llu of %llu, %u: %s\n",
                    (unsigned long long)id, t.tag, (long long)t.until_us, t.actor ? t.actor : "-",
                    t.source ? t.source : "-", (long long)t.given_us,
                    (unsigned long long)t.revision, (unsigned long long)t.batch, t.origin,
                    t.reason ? t.reason : "-");
        ck_assert_int_eq(rc, CRM_DONE);
        crm_tag_list_close(it);
    }
    fine(d, crm_tag_counts(d->txn, NULL, &counts, &d->err), "counts");
    while ((rc = crm_tag_count_next(counts, &count, &d->err)) == CRM_OK)
        fprintf(d->out, "count %s %llu %llu\n", count.tag, (unsigned long long)count.customers,
                (unsigned long long)count.below);
    ck_assert_int_eq(rc, CRM_DONE);
    crm_tag_count_close(counts);
}

/* Who is in a segment, asked by indexes, and found by name in order. */
static void ask(dump *d, const char *what, const char *query)
{
    crm_segment_iter *it;
    crm_segment *s;
    crm_id id;
    int rc;

    fine(d, crm_segment_parse(d->txn, query, CRM_NUL, &s, &d->err), query);
    fine(d, crm_segment_list(d->txn, s, NULL, &it, &d->err), query);
    fprintf(d->out, "%s %s:", what, query);
    while ((rc = crm_segment_next(it, &id, &d->err)) == CRM_OK)
        fprintf(d->out, " %llu", (unsigned long long)id);
    ck_assert_int_eq(rc, CRM_DONE);
    fputc('\n', d->out);
    crm_segment_list_close(it);
    crm_segment_free(s);
}

static void segments(dump *d)
{
    static const char *const QUERIES[] = {"name contains \"de\"",
                                          "name contains \"ouxnleel\"",
                                          "name contains \"kdmtwjb\"",
                                          "name contains \"fxhncuzl\"",
                                          "not name contains \"the\"",
                                          "name starts with \"of\"",
                                          "name >= \"large\"",
                                          "score >= 40",
                                          "tag(region:cn)",
                                          "tag(behaviour:*)",
                                          "segment(fair)",
                                          "event(order)",
                                          "sum(order.amount) > 10 CNY"};
    crm_saved_segment saved = {"", 0, 0, 0};
    crm_live_segment watched = CRM_LIVE_SEGMENT_INIT;
    crm_live_change c = CRM_LIVE_CHANGE_INIT;
    crm_live_iter *live;
    int rc;

    for (size_t i = 0; i < sizeof QUERIES / sizeof *QUERIES; i++)
        ask(d, "asked", QUERIES[i]);
    while ((rc = crm_segment_saved_next(d->txn, saved.name, &saved, &d->err)) == CRM_OK) {
        char query[120];
        snprintf(query, sizeof query, "segment(%s)", saved.name);
        fprintf(d->out, "saved %s at %llu flags %u\n", saved.name,
                (unsigned long long)saved.revision, saved.flags);
        ask(d, "saved", query);
    }
    ck_assert_int_eq(rc, CRM_DONE);
    while ((rc = crm_live_watched(d->txn, watched.name, &watched, &d->err)) == CRM_OK)
        fprintf(d->out, "watched %s at %llu, %lld, zone %s: %llu customers\n", watched.name,
                (unsigned long long)watched.revision, (long long)watched.since_us, watched.zone,
                (unsigned long long)watched.customers);
    ck_assert_int_eq(rc, CRM_DONE);
    fine(d, crm_live_list(d->txn, 0, NULL, &live, &d->err), "live");
    while ((rc = crm_live_next(live, &c, &d->err)) == CRM_OK)
        fprintf(d->out, "live %llu %s %s %llu\n", (unsigned long long)c.revision, c.segment,
                c.entered ? "enters" : "leaves", (unsigned long long)c.customer);
    ck_assert_int_eq(rc, CRM_DONE);
    crm_live_close(live);
}

char *golden_dump(crm_db *db)
{
    char *text = NULL, *yaml;
    size_t n;
    uint32_t version;
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_db_stat st;
    dump d;

    d.err = (crm_error)CRM_ERROR_INIT;
    d.out = open_memstream(&text, &n);
    ck_assert_ptr_nonnull(d.out);
    fine(&d, crm_db_stat_get(db, sizeof st, &st, &d.err), "stat");
    fprintf(d.out, "customers %llu\ndeleted %llu\nrevision %llu\nrecorded %lld\nmodel version %u\n",
            (unsigned long long)st.customers, (unsigned long long)st.deleted,
            (unsigned long long)st.revision, (long long)st.recorded_us, st.model_version);
    o.now_us = INT64_C(1775865600000000); /* 2026-04-11: what depends on it stays */
    fine(&d, crm_txn_begin(db, CRM_READ, &o, &d.txn, &d.err), "begin");
    fine(&d, crm_model_text(d.txn, &yaml, NULL, &version, &d.err), "model");
    fprintf(d.out, "model %u:\n", version);
    put_text(&d, yaml);
    crm_free(yaml);
    customers(&d, 0, "customer");
    customers(&d, CRM_LIST_DELETED, "deleted");
    finds(&d);
    timelines(&d, st.customers + st.deleted);
    tags(&d, st.customers + st.deleted);
    segments(&d);
    histories(&d, st.customers + st.deleted);
    journal(&d);
    crm_txn_abort(d.txn);
    fclose(d.out);
    return text;
}
