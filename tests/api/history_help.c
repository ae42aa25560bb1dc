/* SPDX-License-Identifier: MIT
 * Random changes and the states they make: see history_help.h.
 */
#include "history_help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void past_open(past *p)
{
    crm_txn *txn;

    memset(p, 0, sizeof *p);
    p->seed = crmtest_seed();
    p->db = api_open();
    txn = api_begin(p->db, CRM_READ);
    OK(crm_customer_new(txn, &p->c, &er));
    OK(crm_txn_abort(txn));
}

void past_close(past *p)
{
    past_forget(p, 0);
    free(p->states);
    crm_customer_free(p->c);
    crm_db_close(p->db);
}

static uint64_t below(past *p, uint64_t n)
{
    return crmtest_below(&p->seed, n);
}

crm_txn *past_begin(past *p, uint64_t batch)
{
    static const char *const SOURCES[] = {NULL, "web", "shop", "erp"};
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn;

    o.batch = batch;
    o.source = SOURCES[below(p, 4)];
    o.actor = below(p, 2) ? "li.na" : NULL;
    OK(crm_txn_begin(p->db, CRM_WRITE, &o, &txn, &er));
    p->touched_count = 0;
    return txn;
}

/* ---- changes ---- */

/* Members with random values; some absent, some null in a patch. */
static void document(past *p, char *to, int whole)
{
    size_t n = 0;

    n += (size_t)sprintf(to + n, "{");
    if (whole || below(p, 3) == 0)
        n += (size_t)sprintf(to + n, "\"name\":\"N%d\",", (int)below(p, 50));
    if (below(p, 2))
        n += (size_t)sprintf(to + n, "\"city\":\"C%d\",", (int)below(p, 5));
    if (below(p, 3) == 0)
        n += (size_t)sprintf(to + n, "\"score\":%d,", (int)below(p, 4));
    if (below(p, 4) == 0)
        n += (size_t)sprintf(to + n, "\"vip\":%s,", below(p, 2) ? "true" : "false");
    if (below(p, 4) == 0)
        n += (size_t)sprintf(to + n, "\"email\":[\"e%d@x.cn\",\"f%d@x.cn\"],", (int)below(p, 9),
                             (int)below(p, 9));
    if (below(p, 8) == 0)
        n += (size_t)sprintf(to + n, "\"external\":{\"source\":\"erp\",\"value\":\"%llu\"},",
                             (unsigned long long)p->unique++);
    if (below(p, 6) == 0)
        n += (size_t)sprintf(to + n, "\"credit_limit\":\"%d.50 EUR\",", (int)below(p, 3));
    if (below(p, 10) == 0)
        n += (size_t)sprintf(to + n, "\"notes\":\"%0*d\",", (int)below(p, 400), 7);
    if (!whole && below(p, 4) == 0)
        n += (size_t)sprintf(to + n, "\"%s\":null,",
                             (const char *const[]){"address", "phone", "website"}[below(p, 3)]);
    if (below(p, 6) == 0)
        n += (size_t)sprintf(to + n, "\"kind\":\"%s\",", below(p, 2) ? "person" : "organisation");
    if (to[n - 1] == ',')
        n--;
    sprintf(to + n, "}");
}

static int event(past *p, crm_txn *txn, crm_id id)
{
    char json[200];

    if (below(p, 3) == 0)
        return crm_event_void(txn, id, 1 + (uint32_t)below(p, 6), &er);
    snprintf(json, sizeof json, "{\"kind\":\"visit\",\"time\":\"2026-0%d-0%dT10:00:00Z\"%s%s}",
             (int)below(p, 9) + 1, (int)below(p, 9) + 1, below(p, 2) ? ",\"subject\":\"S\"" : "",
             below(p, 4) ? "" : ",\"source\":\"shop\",\"reference\":\"O-1\"");
    return crm_event_add_json(txn, id, json, CRM_NUL, NULL, &er);
}

static int one(past *p, crm_txn *txn, crm_id *id)
{
    char json[2000];

    switch (below(p, p->events ? 14 : 11)) {
    case 0:
    case 1:
        document(p, json, 1);
        return crm_customer_create_json(txn, json, CRM_NUL, id, &er);
    case 2:
        document(p, json, 1);
        return crm_customer_replace_json(txn, *id, 0, json, CRM_NUL, &er);
    case 3:
        snprintf(json, sizeof json,
                 "{\"name\":\"U\",\"external\":{\"source\":\"u\",\"value\":\"%d\"},\"score\":%d}",
                 (int)below(p, 12), (int)below(p, 5));
        return crm_customer_upsert_json(txn, json, CRM_NUL, id, NULL, &er);
    case 4:
        return crm_customer_delete(txn, *id, 0, &er);
    case 5:
    case 6:
        return crm_customer_undelete(txn, *id, 0, &er);
    case 11:
    case 12:
    case 13:
        return event(p, txn, *id);
    default:
        document(p, json, 0);
        return crm_customer_patch_json(txn, *id, 0, json, CRM_NUL, &er);
    }
}

crm_id past_change(past *p, crm_txn *txn)
{
    crm_id id = 1 + below(p, p->most ? p->most : 1);
    int rc = one(p, txn, &id);

    if (rc == CRM_DONE)
        rc = CRM_OK;
    if (rc) {
        ck_assert_msg(rc == CRM_ENOTFOUND || rc == CRM_EEXISTS || rc == CRM_ESTATE ||
                          rc == CRM_EVALUE,
                      "a change gives %s: %s", crm_error_name(rc), er.message);
        return 0;
    }
    if (id > p->most)
        p->most = id;
    ck_assert_uint_lt(p->touched_count, PAST_TOUCHED);
    p->touched[p->touched_count++] = id;
    return id;
}

/* ---- states ---- */

char *past_json(past *p, crm_txn *txn, crm_id id, uint64_t *revision, int *deleted)
{
    char *json = NULL, *copy;
    int rc = crm_customer_get(txn, id, p->c, &er);

    if (rc == CRM_ENOTFOUND)
        return NULL;
    OK(rc);
    OK(crm_customer_to_json(txn, p->c, CRM_JSON_ORIGINS, &json, NULL, &er));
    if (revision)
        *revision = crm_customer_revision(p->c);
    if (deleted)
        *deleted = crm_customer_deleted(p->c);
    copy = strdup(json);
    ck_assert_ptr_nonnull(copy);
    crm_free(json);
    return copy;
}

void past_strip(char *json)
{
    static const char *const MEMBERS[] = {"\"revision\":", "\"updated_at\":"};

    for (size_t i = 0; i < 2; i++) {
        char *at = strstr(json, MEMBERS[i]), *end;
        ck_assert_ptr_nonnull(at);
        end = strchr(at, ',');
        ck_assert_ptr_nonnull(end);
        memmove(at, end + 1, strlen(end));
    }
}

char *past_visible(past *p, crm_txn *txn, crm_id id)
{
    char *json = past_json(p, txn, id, NULL, NULL);

    if (json)
        past_strip(json);
    return json;
}

void past_keep(past *p, crm_txn *txn, crm_id id)
{
    past_state s = {.id = id};

    s.json = past_json(p, txn, id, &s.revision, &s.deleted);
    if (!s.json)
        return;
    for (size_t i = p->count; i-- > 0;) {
        if (p->states[i].id == id && p->states[i].revision == s.revision) {
            ck_assert_str_eq(p->states[i].json, s.json); /* a revision is of one state */
            free(s.json);
            return;
        }
    }
    if (p->count == p->cap) {
        p->cap = p->cap * 2 + 64;
        p->states = realloc(p->states, p->cap * sizeof *p->states);
        ck_assert_ptr_nonnull(p->states);
    }
    p->states[p->count++] = s;
}

void past_keep_touched(past *p)
{
    crm_txn *txn = api_begin(p->db, CRM_READ);

    for (size_t i = 0; i < p->touched_count; i++)
        past_keep(p, txn, p->touched[i]);
    OK(crm_txn_abort(txn));
}

void past_forget(past *p, size_t count)
{
    while (p->count > count)
        free(p->states[--p->count].json);
}

static int by_place(const void *a, const void *b)
{
    const past_state *x = a, *y = b;

    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return x->revision < y->revision ? -1 : x->revision > y->revision;
}

void past_sort(past *p)
{
    if (p->count > 1)
        qsort(p->states, p->count, sizeof *p->states, by_place);
}

const past_state *past_at(const past *p, crm_id id, uint64_t revision)
{
    const past_state *best = NULL;

    for (size_t i = 0; i < p->count; i++) {
        const past_state *s = &p->states[i];
        if (s->id == id && s->revision <= revision && (!best || s->revision > best->revision))
            best = s;
    }
    return best;
}

/* ---- events ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char *past_events(crm_txn *txn, crm_id id)
{
    crm_event_list_options o = CRM_EVENT_LIST_OPTIONS_INIT;
    char *line[300], *out;
    crm_event_iter *it;
    crm_event *e;
    size_t n = 0, bytes = 1;
    int rc;

    o.flags = CRM_EVENTS_OLDEST | CRM_EVENTS_DELETED;
    rc = crm_event_list(txn, id, &o, &it, &er);
    if (rc == CRM_ENOTFOUND)
        return calloc(1, 1);
    OK(rc);
    while ((rc = crm_event_next(it, &e, &er)) == CRM_OK) {
        char *json, *from, *to;
        ck_assert_uint_lt(n, 300);
        OK(crm_event_to_json(txn, e, &json, NULL, &er));
        from = strstr(json, "\"kind\""); /* behind its number */
        to = strstr(json, ",\"revision\":");
        ck_assert(from && to && from < to);
        line[n] = strndup(from, (size_t)(to - from));
        ck_assert_ptr_nonnull(line[n]);
        bytes += strlen(line[n++]) + 1;
        crm_free(json);
    }
    IS(CRM_DONE, rc);
    crm_event_list_close(it);
    qsort(line, n, sizeof *line, by_text);
    out = calloc(1, bytes);
    ck_assert_ptr_nonnull(out);
    for (size_t i = 0; i < n; i++) {
        strcat(strcat(out, line[i]), "\n");
        free(line[i]);
    }
    return out;
}
