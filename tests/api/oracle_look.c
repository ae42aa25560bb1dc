/* SPDX-License-Identifier: MIT
 * What the oracle compares: documents, records through the typed door, lists, searches.
 */
#include "oracle.h"

#include <stdlib.h>
#include <string.h>

uint64_t oracle_below(oracle_run *r, uint64_t n)
{
    return crmtest_below(&r->seed, n);
}

int oracle_one_in(oracle_run *r, uint64_t n)
{
    return oracle_below(r, n) == 0;
}

/* ---- comparing ---- */

void oracle_same_document(oracle_run *r, crm_txn *txn, const ref_store *s, crm_id id, int origins)
{
    static char want[REF_DOCUMENT];
    crm_error err = CRM_ERROR_INIT;
    char *json = NULL;
    int rc = crm_customer_get_json(txn, id, origins ? CRM_JSON_ORIGINS : 0, &json, NULL, &err);

    if (!ref_get(s, id)) {
        SAY(r, rc == CRM_ENOTFOUND, "customer %llu: %s", (unsigned long long)id,
            crm_error_name(rc));
        return;
    }
    SAY(r, rc == CRM_OK, "customer %llu: %s %s", (unsigned long long)id, crm_error_name(rc),
        err.message);
    ref_json(s, id, origins, want, sizeof want);
    SAY(r, strcmp(json, want) == 0, "customer %llu is\n%s\nand not\n%s", (unsigned long long)id,
        json, want);
    crm_free(json);
}

static void same_origin(oracle_run *r, crm_txn *txn, const ref_entry *e, size_t i)
{
    size_t n = e ? (size_t)e->n : 0;
    const char *source;
    int64_t at;

    for (size_t k = 0; k <= n; k++) {
        int rc = crm_customer_origin(txn, r->record, &r->field[i], k, &source, &at, NULL);
        SAY(r, rc == (k < n ? CRM_OK : CRM_ENOTFOUND), "origin %zu of %s: %d", k,
            r->m->field[i].key, rc);
        SAY(r, k == n || (at == e->v[k].at && strcmp(source, e->v[k].from) == 0),
            "origin %zu of %s", k, r->m->field[i].key);
    }
}

/* The typed door tells the same as the document. */
static void same_record(oracle_run *r, crm_txn *txn, const ref_store *s, crm_id id)
{
    const ref_customer *c = ref_get(s, id);
    int rc = crm_customer_get(txn, id, r->record, NULL);

    SAY(r, rc == (c ? CRM_OK : CRM_ENOTFOUND), "get %llu: %d", (unsigned long long)id, rc);
    if (!c) {
        SAY(r, crm_customer_id(r->record) == 0, "the record is not empty");
        return;
    }
    SAY(r,
        crm_customer_id(r->record) == id && crm_customer_revision(r->record) == c->revision &&
            crm_customer_created_us(r->record) == c->created &&
            crm_customer_updated_us(r->record) == c->updated &&
            crm_customer_deleted(r->record) == c->deleted &&
            strcmp(crm_customer_kind(r->record),
                   c->kind == REF_PERSON ? "person" : "organisation") == 0,
        "head of %llu", (unsigned long long)id);
    for (size_t i = 0; i < r->m->count; i++) {
        const ref_field *f = &r->m->field[i];
        size_t n = crm_customer_count(r->record, &r->field[i]);
        SAY(r, n == (c->e[i] ? (size_t)c->e[i]->n : 0), "%zu values of %s", n, f->key);
        same_origin(r, txn, c->e[i], i);
        for (size_t k = 0; k < n; k++) {
            const char *text, *source = "";
            size_t len;
            int64_t number;
            rc = crm_customer_text(r->record, &r->field[i], k, &text, &len, NULL);
            SAY(r,
                !rc && len == strlen(c->e[i]->v[k].text) &&
                    memcmp(text, c->e[i]->v[k].text, len) == 0,
                "text %zu of %s", k, f->key);
            if (f->flags & CRM_FIELD_PER_SOURCE)
                rc = crm_customer_source(txn, r->record, &r->field[i], k, &source, NULL);
            SAY(r, !rc && strcmp(source, c->e[i]->v[k].source) == 0, "source of %s", f->key);
            if (f->type != CRM_TYPE_INTEGER && f->type != CRM_TYPE_CUSTOMER)
                continue;
            rc = crm_customer_integer(r->record, &r->field[i], k, &number, NULL);
            SAY(r, !rc && number == strtoll(c->e[i]->v[k].text, NULL, 10), "number of %s", f->key);
        }
        rc = crm_customer_integer(r->record, &r->field[i], n, &(int64_t){0}, NULL);
        SAY(r, rc == CRM_ENOTFOUND, "a value behind the last of %s: %d", f->key, rc);
    }
}

/* Lists: all, from a random point on, of one kind, the deleted ones. */
static void same_list(oracle_run *r, crm_txn *txn, const ref_store *s)
{
    crm_list_options o = CRM_LIST_OPTIONS_INIT;
    int kind = (int)oracle_below(r, 3), deleted = oracle_one_in(r, 3), rc;
    crm_customer_iter *it;
    crm_customer *c;

    o.flags = deleted ? CRM_LIST_DELETED : 0;
    o.after = oracle_one_in(r, 2) ? 0 : oracle_below(r, s->count + 2);
    o.kind = kind == 0 ? NULL : kind == REF_PERSON ? "person" : "organisation";
    rc = crm_customer_list(txn, &o, &it, NULL);
    SAY(r, rc == CRM_OK, "list: %d", rc);
    for (crm_id id = o.after + 1; id <= s->count; id++) {
        const ref_customer *want = ref_get(s, id);
        if (want->deleted != deleted || (kind && want->kind != kind))
            continue;
        rc = crm_customer_next(it, &c, NULL);
        SAY(r,
            rc == CRM_OK && crm_customer_id(c) == id && crm_customer_revision(c) == want->revision,
            "next is %llu and not %llu", (unsigned long long)crm_customer_id(c),
            (unsigned long long)id);
        if (oracle_one_in(r, 50)) {
            static char text[REF_DOCUMENT];
            char *json = NULL;
            rc = crm_customer_to_json(txn, c, 0, &json, NULL, NULL);
            ref_json(s, id, 0, text, sizeof text);
            SAY(r, rc == CRM_OK && strcmp(json, text) == 0, "listed document %llu",
                (unsigned long long)id);
            crm_free(json);
        }
    }
    rc = crm_customer_next(it, &c, NULL);
    SAY(r, rc == CRM_DONE && !c, "the list does not end: %d", rc);
    crm_customer_list_close(it);
}

static int indexed(const ref_field *f)
{
    return (f->flags & (CRM_FIELD_IDENTITY | CRM_FIELD_UNIQUE)) || f->type == CRM_TYPE_CUSTOMER;
}

static void same_find(oracle_run *r, crm_txn *txn, const ref_store *s, const ref_gen *like)
{
    ref_gen g = *like;
    ref_spelled v;
    crm_id ids[8], want[8];
    size_t cap = oracle_below(r, 8), n, count = 77, i = oracle_below(r, r->m->count);
    const ref_field *f = &r->m->field[i];
    const ref_customer *c = ref_get(s, r->recent);
    const ref_entry *e = c ? c->e[i] : NULL;
    int rc;

    ref_value_make(&g, f, &v);
    if (e && e->n && oracle_one_in(r, 2)) { /* one that is there */
        v.v = e->v[oracle_below(r, (uint64_t)e->n)];
        strcpy(v.plain, v.v.text);
    }
    if (!indexed(f)) {
        rc = crm_customer_find(txn, &r->field[i], NULL, v.plain, CRM_NUL, ids, cap, &count, NULL);
        SAY(r, rc == CRM_EFIELD, "find by %s: %d", f->key, rc);
        return;
    }
    n = ref_find(s, (int)i, &v.v, want, cap);
    rc = crm_customer_find(txn, &r->field[i], v.v.source[0] ? v.v.source : NULL, v.plain, CRM_NUL,
                           ids, cap, &count, NULL);
    SAY(r, rc == (n ? CRM_OK : CRM_ENOTFOUND) && count == n,
        "find %s \"%s\" gives %s, %zu, not %zu", f->key, v.plain, crm_error_name(rc), count, n);
    for (size_t k = 0; k < n && k < cap; k++)
        SAY(r, ids[k] == want[k], "found %llu and not %llu", (unsigned long long)ids[k],
            (unsigned long long)want[k]);
}

ref_gen oracle_generator(oracle_run *r, const ref_store *s)
{
    ref_gen g = {crmtest_rand(&r->seed), r->m,      s->count, r->zone_us,
                 oracle_one_in(r, 3) ? 40 : 0, r->source, NULL};

    return g;
}

/* Something at random. */
void oracle_look(oracle_run *r, crm_txn *txn, const ref_store *s)
{
    ref_gen g = oracle_generator(r, s);
    crm_id id = 1 + oracle_below(r, s->count + 2);

    switch (oracle_below(r, 8)) {
    case 0:
        same_record(r, txn, s, id);
        break;
    case 1:
    case 2:
        oracle_same_document(r, txn, s, id, oracle_one_in(r, 2));
        break;
    case 3:
        if (oracle_one_in(r, 12))
            same_list(r, txn, s);
        break;
    default:
        same_find(r, txn, s, &g);
    }
}

void oracle_same_all(oracle_run *r, crm_txn *txn, const ref_store *s)
{
    for (crm_id id = 1; id <= s->count + 1; id++)
        oracle_same_document(r, txn, s, id, 1);
    for (int i = 0; i < 4; i++)
        same_list(r, txn, s);
    SAY(r, crm_txn_revision(txn) == s->revision, "revision %llu and not %llu",
        (unsigned long long)crm_txn_revision(txn), (unsigned long long)s->revision);
}

void oracle_same_figures(oracle_run *r)
{
    crm_db_stat st;
    int rc = crm_db_stat_get(r->db, sizeof st, &st, NULL);

    SAY(r, rc == CRM_OK, "stat: %d", rc);
    SAY(r,
        st.customers == ref_live(&r->done, 0) && st.deleted == ref_live(&r->done, 1) &&
            st.revision == r->done.revision && st.recorded_us == r->done.recorded,
        "figures: %llu live, %llu deleted, revision %llu, recorded %lld and not %lld",
        (unsigned long long)st.customers, (unsigned long long)st.deleted,
        (unsigned long long)st.revision, (long long)st.recorded_us, (long long)r->done.recorded);
}
