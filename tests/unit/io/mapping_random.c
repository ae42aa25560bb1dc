/* SPDX-License-Identifier: MIT
 * Random rows against the other door to a record: what the mapping makes of a row is what
 * crm_customer_create_json() makes of a document with the same texts, and it refuses a row when
 * that refuses the document.  And a mapping without memory: an error each time, nothing lost.
 */
#include "mapping.h"
#include "stingy.h"

typedef struct pool {
    const char *header, *member;
    int list;
    const char *values[8];
} pool;

static const pool POOLS[] = {
    {"客户姓名", "name", 0, {"张伟", "Li Na", "x", "名\n字"}},
    {"手机号码(必填)",
     "phone",
     1,
     {"138 0013 8000", "+44 20 7946 0018", "13900139000", "12", "abc"}},
    {"Email", "email", 1, {"a@x.com", "B@X.com", "no", "a@@b"}},
    {"性别", "gender", 0, {"女", "male", "Mr", "whale"}},
    {"Birthday",
     "birth_date",
     0,
     {"1990-05-12", "1990", "1800-01-01", "2024年2月30日", "20240229"}},
    {"网址", "website", 0, {"example.com", "https://例子.中国/a?b=c", "ftp:", "a b"}},
    {"国家", "country", 0, {"CN", "德国", "Germany", "Utopia"}},
    {"语言", "language", 0, {"zh", "English", "??"}},
    {"评分", "score", 0, {"0", "1,000", "1001", "-1", "3.5", "7.0"}},
    {"VIP", "vip", 0, {"是", "no", "0", "maybe"}},
    {"负责人", "owner", 0, {"li.na", "王芳"}},
    {"Credit limit", "credit_limit", 0, {"12", "1,234.50", "¥5", "5 USD", "-3", "x"}},
    {"最后联系时间", "last_contact", 0, {"2024-05-31 10:00", "2024-05-31T10:00:00Z", "soon"}},
    {"QQ", "qq", 1, {"12345", "012", "99999999"}},
    {"备注", "notes", 0, {"a, b; c", "N/A", "無"}},
};

enum { POOL_COUNT = sizeof POOLS / sizeof POOLS[0] };

static const char *pick(uint64_t *seed, const pool *p)
{
    size_t n = 0;

    while (n < 8 && p->values[n])
        n++;
    /* The first two are good everywhere: most rows shall be. */
    return p->values[crmtest_below(seed, crmtest_below(seed, 20) ? 2 : n)];
}

static void put_json(crm__buf *b, const char *s)
{
    crm__buf_add_u8(b, '"');
    for (; *s; s++) {
        if (*s == '\n')
            crm__buf_add_str(b, "\\n");
        else
            crm__buf_add_u8(b, (unsigned char)*s);
    }
    crm__buf_add_u8(b, '"');
}

/* One row: cells for the mapping, a document for the oracle. */
static void make_row(uint64_t *seed, char cells[POOL_COUNT][256], crm__buf *json)
{
    static const char *const AROUND[] = {"", " ", "\t", "\xc2\xa0", "\xe3\x80\x80"};
    static const char *const BETWEEN[] = {";", "；", "、", " ::: ", "\n", "; "};

    json->n = 0;
    crm__buf_add_u8(json, '{');
    for (size_t i = 0; i < POOL_COUNT; i++) {
        const pool *p = &POOLS[i];
        size_t n = crmtest_below(seed, 3) ? 1 : 0;
        char *cell = cells[i];
        cell[0] = 0;
        if (i && !n)
            continue;
        n = p->list ? 1 + crmtest_below(seed, 3) : 1;
        crm__buf_add_str(json, json->n > 1 ? "," : "");
        put_json(json, p->member);
        crm__buf_add_str(json, p->list ? ":[" : ":");
        for (size_t k = 0; k < n; k++) {
            const char *v = pick(seed, p);
            if (k)
                strcat(cell, BETWEEN[crmtest_below(seed, 6)]);
            strcat(cell, AROUND[crmtest_below(seed, 5)]);
            strcat(cell, v);
            strcat(cell, AROUND[crmtest_below(seed, 5)]);
            crm__buf_add_str(json, k ? "," : "");
            put_json(json, v);
        }
        crm__buf_add_str(json, p->list ? "]" : "");
    }
    crm__buf_add_str(json, ",\"source\":\"import\"}");
    crm__buf_add_u8(json, 0);
}

/* The documents of two customers but for number and time. */
static void same(mapping_world *w, crm_id a, crm_id b)
{
    char *text[2], *members;
    crm_id ids[2] = {a, b};

    for (int i = 0; i < 2; i++) {
        OK(crm_customer_get_json(w->txn, ids[i], 0, &text[i], NULL, NULL));
        members = strstr(text[i], "\"name\"");
        ck_assert_ptr_nonnull(members);
        memmove(text[i], members, strlen(members) + 1);
    }
    ck_assert_str_eq(text[0], text[1]);
    crm_free(text[0]);
    crm_free(text[1]);
}

static void one_row(mapping_world *w, uint64_t *seed, crm__buf *json, int *good)
{
    static char cells[POOL_COUNT][256];
    crm_id id, a = 0, b = 0;
    crm_savepoint mark;
    int want, rc;

    make_row(seed, cells, json);
    ck_assert(!json->failed);
    for (uint32_t i = 0; i < POOL_COUNT; i++)
        w->cells[i] = (crm__cell){i, slice(cells[i])};
    memset(&w->row, 0, sizeof w->row);
    w->row.cells = w->cells;
    w->row.count = POOL_COUNT;
    w->count = 0;
    crm_customer_clear(w->c);
    OK(crm_txn_savepoint(w->txn, &mark, NULL));
    want = crm_customer_create_json(w->txn, (const char *)json->p, CRM_NUL, &a, &w->err);
    rc = crm__mapping_customer(w->m, &w->row, w->c, &id, on_fault, w, NULL);
    ck_assert_msg(rc == want, "%s: %d %s, but %d %s", (const char *)json->p, want, w->err.message,
                  rc, w->count ? w->faults[0].what : "");
    ck_assert_int_eq(w->count > 0, rc != CRM_OK);
    if (!rc) {
        OK(crm_customer_create(w->txn, w->c, &b, &w->err));
        same(w, a, b);
        ++*good;
    }
    OK(crm_txn_rollback(w->txn, mark, NULL));
}

CRM_TEST(test_io_mapping__random_rows_as_documents)
{
    crm__slice names[POOL_COUNT];
    uint64_t seed = crmtest_seed();
    mapping_world w;
    crm__buf json;
    int good = 0;

    world_open(&w, NULL);
    crm__buf_init(&json, NULL);
    OK(world_map(&w, CRM__MAP_CUSTOMERS, NULL, NULL, NULL));
    for (size_t i = 0; i < POOL_COUNT; i++)
        names[i] = slice(POOLS[i].header);
    OK(crm__mapping_names(w.m, names, POOL_COUNT, 0, NULL));
    for (size_t i = 0; i < crmtest_rounds(2000, 50000); i++)
        one_row(&w, &seed, &json, &good);
    ck_assert_int_gt(good, 0);
    crm__buf_clear(&json);
    world_close(&w);
}

/* ---- without memory ---- */

static const char TEXT[] =
    "kind: person\nsource: fair\ncolumns:\n  No: {field: external, source: a}\n"
    "  Birth: {field: birth_date, date: dmy}\n  X: skip\n";
static const char HEADER[] =
    "First Name|Last Name|手机|邮箱|No|Birth|X|Amount|Address 1 - Street|标签|Nmae";
static const char CELLS[] = "Li|Na|13800138000;13900139000|ｌｉ@x.com|7|31/05/2001|x|1|street|t|n";

/* All that a mapping does, as far as memory goes. */
static int work(mapping_world *w)
{
    crm__buf out;
    int rc = world_map(w, CRM__MAP_CUSTOMERS, TEXT, NULL, HEADER);

    if (!rc)
        rc = world_customer(w, CELLS, NULL);
    if (!rc) {
        crm__buf_init(&out, NULL);
        rc = crm__mapping_write(w->m, 0, &out);
        crm__buf_clear(&out);
    }
    return rc;
}

CRM_TEST(test_io_mapping__without_memory)
{
    stingy s = {INT64_MAX, 0};
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_allocator mem = CRM_ALLOCATOR_INIT;
    mapping_world w;
    int64_t before;
    int rc = CRM_ENOMEM, fails = 0;

    memset(&w, 0, sizeof w);
    crm_error_init(&w.err);
    mem.alloc = stingy_alloc;
    mem.realloc = stingy_realloc;
    mem.free = stingy_free;
    mem.ctx = &s;
    o.allocator = &mem;
    OK(crm_db_open(crmtest_path("map.crm"), &o, &w.db, NULL));
    OK(crm_txn_begin(w.db, CRM_WRITE, NULL, &w.txn, NULL));
    for (int64_t left = 0; rc; left += crmtest_stride(7)) {
        OK(crm_customer_new(w.txn, &w.c, NULL));
        before = s.alive;
        s.left = left;
        rc = work(&w);
        s.left = INT64_MAX;
        ck_assert_msg(rc == CRM_OK || rc == CRM_ENOMEM, "%d %s", rc, w.err.message);
        fails += rc != CRM_OK;
        crm__mapping_free(w.m);
        w.m = NULL;
        ck_assert_int_ge(s.alive, before); /* the customer keeps its memory */
        crm_customer_free(w.c);
        w.c = NULL;
    }
    ck_assert_int_gt(fails, 0);
    OK(crm_txn_abort(w.txn));
    crm_db_close(w.db);
    ck_assert_int_eq(s.alive, 0);
}
