/* SPDX-License-Identifier: MIT
 * Tags go out with an export in every format and come in with an import: the same tags, with their
 * ends, given by an import; and once more nothing changes.
 */
#include "help.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TAGS = 9, DELETED = 77 };

/* Usually more than are looked at at once. */
static uint64_t customers(void)
{
    return 9000 / crmtest_stride(9);
}

static const char *const TAG[TAGS] = {
    "region:cn/east/上海", "region:us",         "industry:retail", "value:high",        "value:low",
    "behaviour:active",    "behaviour:dormant", "interest:tea",    "label:old friends",
};

/* The tags of all customers, a line each. */
static char *tags_of(crm_db *db, int with_origin)
{
    crm_txn *txn = api_begin(db, CRM_READ);
    char *all = NULL;
    size_t size;
    FILE *out = open_memstream(&all, &size);

    for (crm_id id = 1; id <= customers(); id++) {
        crm_tag tag = CRM_TAG_INIT;
        crm_tag_iter *it;
        int rc = crm_tag_list(txn, id, with_origin && id < 300 ? 0 : CRM_TAG_BRIEF, &it, &er);
        if (rc == CRM_ENOTFOUND || (id == DELETED && !with_origin)) {
            crm_tag_list_close(it);
            continue;
        }
        OK(rc);
        fprintf(out, "%llu", (unsigned long long)id);
        while (crm_tag_next(it, &tag, &er) == CRM_OK) {
            fprintf(out, " %s/%lld", tag.tag, (long long)tag.until_us);
            if (with_origin && id < 300)
                ck_assert_uint_eq(tag.origin, CRM_TAG_IMPORT);
        }
        fputc('\n', out);
        crm_tag_list_close(it);
    }
    crm_txn_abort(txn);
    fclose(out);
    return all;
}

static crm_db *fill(const char *name)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    uint64_t seed = crmtest_seed();
    crm_txn *txn;
    crm_db *db;
    char json[100];

    OK(crm_db_open(crmtest_path(name), NULL, &db, &er));
    o.batch = CRM_BATCH_NEW;
    OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
    for (int i = 1; i <= (int)customers(); i++) {
        crm_tag_options how = CRM_TAG_OPTIONS_INIT;
        uint64_t with = crmtest_rand(&seed);
        snprintf(json, sizeof json, "{\"name\":\"N %d\",\"phone\":\"1390013%04d\"}", i, i);
        api_create(txn, json);
        for (int t = 0; t < TAGS; t++) {
            if ((with >> t & 1) == 0 || (t == 4 && with & 8))
                continue; /* of `value` there is one */
            how.until_us = t == 5 && with & 512 ? (with & 1024 ? INT64_C(1) << 51 : 1000000) : 0;
            OK(crm_tag_add(txn, (crm_id)i, TAG[t], &how, &er));
        }
    }
    OK(crm_customer_delete(txn, DELETED, 0, &er));
    OK(crm_txn_commit(txn, &er));
    return db;
}

static int file_of(crm_db *db, uint32_t format)
{
    crm_export_options o = CRM_EXPORT_OPTIONS_INIT;
    int fd;

    o.format = format;
    o.flags = CRM_EXPORT_REPLACE;
    o.reason = "test";
    OK(crm_export(db, crmtest_path("file"), &o, 0, NULL, &er));
    fd = open(crmtest_path("file"), O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    return fd;
}

static crm_import_result import_from(crm_db *db, int fd, uint32_t format, uint32_t policy)
{
    static const char *const NAME[] = {NULL, "csv", "jsonl", "vcard"};
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
    crm_import_result r;
    crm_import *imp;

    o.format = NAME[format];
    o.policy = policy;
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    OK(crm_import_open(db, fd, &o, &imp, &er));
    OK(crm_import_run(imp, sizeof r, &r, &er));
    crm_import_close(imp);
    return r;
}

static uint64_t revision_of(crm_db *db)
{
    crm_txn *txn = api_begin(db, CRM_READ);
    uint64_t r = crm_txn_revision(txn);

    crm_txn_abort(txn);
    return r;
}

/* Lines without the number in front, which another database gives anew. */
static char *unnumbered(char *all)
{
    char *to = all;
    int front = 1;

    for (const char *p = all; *p; p++) {
        if (!front || *p == '\n')
            *to++ = *p;
        front = *p == '\n' || (front && *p != ' ');
    }
    *to = 0;
    return all;
}

static void same(const char *got, const char *wanted)
{
    size_t at = 0;

    while (got[at] && got[at] == wanted[at])
        at++;
    ck_assert_msg(got[at] == wanted[at], "at %zu: \"%.80s\", not \"%.80s\"", at,
                  got + (at > 40 ? at - 40 : 0), wanted + (at > 40 ? at - 40 : 0));
}

CRM_TEST(test_api_import_tags__go_out_and_come_in_again)
{
    crm_db *from = fill("from");
    char *wanted = unnumbered(tags_of(from, 0));

    ck_assert_ptr_nonnull(strstr(wanted, "label:old friends"));
    ck_assert_ptr_nonnull(strstr(wanted, "/2251799813685248"));
    for (uint32_t format = CRM_EXPORT_CSV; format <= CRM_EXPORT_VCARD; format++) {
        char name[16], *got;
        crm_import_result r;
        crm_db *to;
        uint64_t revision;
        int fd = file_of(from, format);
        revision = revision_of(from);
        r = import_from(from, fd, format, CRM_IMPORT_UPSERT);
        ck_assert_uint_eq(r.unchanged, customers() - 1);
        ck_assert_uint_eq(r.rows, customers() - 1);
        ck_assert_uint_eq(revision_of(from), revision);

        snprintf(name, sizeof name, "to-%u", (unsigned)format);
        OK(crm_db_open(crmtest_path(name), NULL, &to, &er));
        r = import_from(to, fd, format, CRM_IMPORT_CREATE);
        ck_assert_uint_eq(r.created, customers() - 1);
        ck_assert_uint_eq(r.bad, 0);
        got = unnumbered(tags_of(to, 1));
        same(got, wanted);
        free(got);
        crm_db_close(to);
        api_check_clean(crmtest_path(name));
        close(fd);
    }
    free(wanted);
    crm_db_close(from);
}

/* Imports a text; what the only bad row's only fault says, or NULL. */
static char fault[300];

static int on_bad(const crm_import_bad *bad, void *ctx)
{
    int *count = ctx;

    ++*count;
    snprintf(fault, sizeof fault, "%u %s: %s", (unsigned)bad->faults[0].column,
             bad->faults[0].field, bad->faults[0].message);
    return 0;
}

static crm_import_result import_text(crm_db *db, const char *text, const char *mapping,
                                     uint32_t policy, int *bad)
{
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
    crm_import_result r;
    crm_import *imp;
    int fd = open(crmtest_path("text"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    lseek(fd, 0, SEEK_SET);
    o.policy = policy;
    o.format = "csv";
    o.encoding = "UTF-8";
    o.mapping = mapping;
    o.bad = on_bad;
    o.ctx = bad;
    *bad = 0;
    fault[0] = 0;
    OK(crm_import_open(db, fd, &o, &imp, &er));
    OK(crm_import_run(imp, sizeof r, &r, &er));
    crm_import_close(imp);
    close(fd);
    return r;
}

static void has(crm_db *db, crm_id id, const char *wanted)
{
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_tag tag = CRM_TAG_INIT;
    crm_tag_iter *it;
    char got[300] = "";

    OK(crm_tag_list(txn, id, CRM_TAG_BRIEF, &it, &er));
    while (crm_tag_next(it, &tag, &er) == CRM_OK) {
        strcat(got, *got ? " " : "");
        strcat(got, tag.tag);
    }
    crm_tag_list_close(it);
    crm_txn_abort(txn);
    ck_assert_str_eq(got, wanted);
}

CRM_TEST(test_api_import_tags__which_a_row_brings)
{
    crm_db *db = api_open();
    crm_import_result r;
    crm_txn *txn;
    int bad;

    r = import_text(db,
                    "name,phone,tags,Interests\n"
                    "Ann,13900130001,\"region:us, 高价值、 ::: Industry：Retail\",tea;golf\n",
                    NULL, CRM_IMPORT_UPSERT, &bad);
    ck_assert_uint_eq(r.created, 1);
    ck_assert_int_eq(bad, 0);
    has(db, 1, "region:us industry:retail value:high interest:golf interest:tea");

    /* what is there stays, in a dimension with one it is another; then nothing changes */
    r = import_text(db, "phone,tags\n13900130001,购买力:low;region:cn\n", NULL, CRM_IMPORT_UPDATE,
                    &bad);
    ck_assert_uint_eq(r.updated, 1);
    has(db, 1, "region:cn region:us industry:retail value:low interest:golf interest:tea");
    r = import_text(db, "phone,tags\n13900130001,value:low\n", NULL, CRM_IMPORT_UPDATE, &bad);
    ck_assert_uint_eq(r.unchanged, 1);
    r = import_text(db, "id,kind,tags\n1,person,region:uk\n9,person,region:uk\n", NULL,
                    CRM_IMPORT_UPDATE, &bad);
    ck_assert_uint_eq(r.updated, 1);
    ck_assert_uint_eq(r.skipped, 1);
    txn = api_begin(db, CRM_WRITE);
    OK(crm_undo(txn, r.batch, 0, NULL, NULL, NULL, &er));
    api_commit(txn);
    has(db, 1, "region:cn region:us industry:retail value:low interest:golf interest:tea");

    /* by a mapping */
    r = import_text(db, "name,phone,Gebiet,Old\nBob,13900130002,uk,x\n",
                    "columns: {Gebiet: 'tag:地域', Old: {field: label}}", CRM_IMPORT_UPSERT, &bad);
    ck_assert_uint_eq(r.created, 1);
    has(db, 2, "region:uk label:x");

    /* nothing of a bad row is written */
    static const char *const BAD[][2] = {
        {"a:b", "2 tags: the model has no such dimension"},
        {"value:high;value:low", "2 value: a customer has at most one tag of it"},
        {"region:a//b", "2 region: tag of region: is empty, or has an empty level"},
        {"region:us (until 2030-01-01)",
         "2 region: tags of this dimension have no end, the model says"},
        {"behaviour:x (until soon)", "2 tags: what is behind \"until\" is no time"},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        char text[200];
        snprintf(text, sizeof text, "name,phone,tags\nCid,1390013%04d,%s\n", 100 + (int)i,
                 BAD[i][0]);
        r = import_text(db, text, NULL, CRM_IMPORT_UPSERT, &bad);
        ck_assert_int_eq(bad, 1);
        ck_assert_str_eq(fault, BAD[i][1]);
        ck_assert_uint_eq(r.created + r.updated, 0);
    }
    crm_db_close(db);
    api_check_clean(api_path());
}

/* ---- undo ---- */

typedef struct told {
    size_t count;
    crm_id id[8];
    uint64_t revision[8];
} told;

static int tell(crm_id id, uint64_t revision, void *ctx)
{
    told *t = ctx;

    if (t->count < 8) {
        t->id[t->count] = id;
        t->revision[t->count] = revision;
    }
    t->count++;
    return 0;
}

/* Record, tags and events of a customer were all changed since: undo tells of it once, by the last
 * change. */
CRM_TEST(test_api_import_tags__undo_tells_a_customer_once)
{
    static const char ROWS[] = "name,phone,tags\nA,13900130001,region:us;value:high\n"
                               "B,13900130002,region:us\nC,13900130003,region:uk\n";
    crm_db *db = api_open();
    crm_import_result r;
    crm_undo_result u = {.size = sizeof u};
    uint64_t revision;
    told t = {0};
    crm_txn *txn;
    int bad;

    r = import_text(db, ROWS, NULL, CRM_IMPORT_UPSERT, &bad);
    ck_assert_uint_eq(r.created, 3);
    txn = api_begin(db, CRM_WRITE);
    OK(crm_tag_remove(txn, 2, "region:us", &er));
    OK(crm_customer_patch_json(txn, 1, 0, "{\"city\":\"Rome\"}", CRM_NUL, &er));
    OK(crm_tag_remove(txn, 1, "region:us", &er));
    OK(crm_tag_remove(txn, 1, "value:high", &er));
    revision = crm_txn_revision(txn);
    api_commit(txn);

    txn = api_begin(db, CRM_WRITE);
    IS(CRM_ECONFLICT, crm_undo(txn, r.batch, 0, tell, &t, &u, &er));
    ck_assert_uint_eq(t.count, 2);
    ck_assert_uint_eq(t.id[0], 1);
    ck_assert_uint_eq(t.id[1], 2);
    ck_assert_uint_eq(t.revision[0], revision);
    ck_assert_uint_lt(t.revision[1], revision);
    t.count = 0;
    OK(crm_undo(txn, r.batch, CRM_UNDO_SKIP, tell, &t, &u, &er));
    ck_assert_uint_eq(t.count, 2);
    ck_assert_uint_eq(u.skipped, 2);
    ck_assert_uint_eq(u.deleted, 2); /* of B only a tag was changed */
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}
