/* SPDX-License-Identifier: MIT
 * CSV there and back: values of every type that hold what separates values, what import takes for
 * nothing, or what it would tidy up.  Imported into its own database a file changes nothing; into
 * an empty one it makes equal documents.
 */
#include "help.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char MODEL[] =
    "crm: 1\n"
    "region: CN\n"
    "fields:\n"
    "  name: {type: text, required: true}\n"
    "  motto: {type: text}\n"
    "  words: {type: text, list: true}\n"
    "  code: {type: text, unique: true}\n"
    "  owner: {type: actor}\n"
    "  team: {type: actor, list: true}\n"
    "  sites: {type: url, list: true}\n"
    "  level: {type: enum, values: {none: Nix, null: Leer, high: Hoch}}\n"
    "  grades: {type: enum, list: true, values: {none: Nix, nil: Leer, c: Drei}}\n"
    "  whole: {type: integer}\n"
    "  wholes: {type: integer, list: true}\n"
    "  parts: {type: decimal, list: true}\n"
    "  prices: {type: money, list: true}\n"
    "  price: {type: money}\n"
    "  day: {type: date}\n"
    "  days: {type: date, list: true}\n"
    "  moments: {type: datetime, list: true}\n"
    "  flag: {type: boolean}\n"
    "  flags: {type: boolean, list: true}\n"
    "  mails: {type: email, list: true}\n"
    "  tels: {type: phone, list: true}\n"
    "  lands: {type: country, list: true}\n"
    "  tongue: {type: language}\n"
    "  tongues: {type: language, list: true}\n"
    "  friends: {type: customer, list: true}\n"
    "identities:\n"
    "  ext: {type: text, per: source, unique: true}\n"
    "  card: {type: text}\n"
    "events:\n"
    "  visit: {attributes: {said: {type: text}, by: {type: actor}, mood: {type: enum, values: "
    "[none, good]}}}\n"
    "tags:\n"
    "  label: {label: Group}\n";

static const char *const PIECES[] = {
    ";",     "\n", "\\",   "\\\\", "\"",     ",",    "N/A",      "-",   "null", "、", "；",
    " ::: ", "a",  "Zoë",  "李",   "'5",     "\\=",  "１２",     "/",   "\\N",  "无", "=SUM(A1)",
    "(",     ":",  "none", "\t",   "\u200b", "\r\n", "1.38E+10", "\\;", "'",    " ",  "#N/A"};
enum { PIECE_COUNT = sizeof PIECES / sizeof *PIECES };

typedef struct making {
    uint64_t rng;
    char *p;
    size_t n, cap;
} making;

static void add(making *m, const char *s)
{
    size_t n = strlen(s);

    if (m->cap < m->n + n + 1) {
        m->cap = 2 * (m->n + n + 1);
        m->p = realloc(m->p, m->cap);
        ck_assert_ptr_nonnull(m->p);
    }
    memcpy(m->p + m->n, s, n + 1);
    m->n += n;
}

static void add_string(making *m, const char *s)
{
    char c[8];

    add(m, "\"");
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            snprintf(c, sizeof c, "\\%c", *s);
        else if ((unsigned char)*s < ' ')
            snprintf(c, sizeof c, "\\u%04x", *s);
        else
            snprintf(c, sizeof c, "%c", *s);
        add(m, c);
    }
    add(m, "\"");
}

/* A text no other has, when `mark` is not 0. */
static void add_text(making *m, unsigned mark)
{
    char text[200] = "";
    size_t n = 1 + crmtest_below(&m->rng, 4);

    for (size_t i = 0; i < n; i++)
        strcat(text, PIECES[crmtest_below(&m->rng, PIECE_COUNT)]);
    if (mark || !text[strspn(text, " \t\r\n\xe2\x80\x8b")])
        sprintf(text + strlen(text), "%u", mark);
    add_string(m, text);
}

static void add_member(making *m, const char *key)
{
    add(m, ",");
    add_string(m, key);
    add(m, ":");
}

static void add_list(making *m, const char *key, unsigned mark)
{
    add_member(m, key);
    add(m, "[");
    for (size_t i = 0, n = 1 + crmtest_below(&m->rng, 4); i < n; i++) {
        add(m, i ? "," : "");
        add_text(m, mark ? mark * 10 + (unsigned)i : 0);
    }
    add(m, "]");
}

static const char *const REST[] = {
    ",\"sites\":[\"https://a.example/?x=1;y=2\",\"https://b.example/、；\"]",
    ",\"level\":\"none\",\"grades\":[\"none\",\"nil\",\"c\"]",
    ",\"level\":\"null\",\"grades\":[\"nil\"]",
    ",\"whole\":-7,\"wholes\":[1,-2,1000000,0]",
    ",\"parts\":[\"1.234\",\"-0.5\",\"1000\"],\"prices\":[\"1.234 KWD\",\"-3.50 EUR\"]",
    ",\"price\":\"1000.00 CNY\",\"day\":\"2026-02-03\"",
    ",\"days\":[\"2026\",\"2026-02\",\"2026-03-04\"]",
    ",\"moments\":[\"2026-02-03T04:05:06.000007Z\",\"1969-12-31T23:59:59Z\"]",
    ",\"flag\":false,\"flags\":[true,false]",
    ",\"mails\":[\"a@example.com\",\"b/c@example.com\",\"o'x@example.com\"]",
    ",\"tels\":[\"+8613800138000\",\"+493012345678\"],\"lands\":[\"NA\",\"NO\",\"CN\"]",
    ",\"tongue\":\"nil\",\"tongues\":[\"nil\",\"zh-Hant\"]",
    ",\"tags\":[\"label:none\",\"label:-\",\"label:a b\"]",
};

/* mixed: values of one source stand between those of another, an order that columns do not keep. */
static void make(making *m, unsigned i, int mixed, int friends)
{
    char source[40];

    m->n = 0;
    add(m, "{\"name\":");
    add_text(m, i % 3 ? i : 0);
    add_member(m, "motto");
    add_text(m, 0);
    add_list(m, "words", 0);
    add_member(m, "code");
    add_text(m, i % 2 ? i * 1000 + 7 : 0);
    m->n = i % 2 ? m->n : (size_t)(strstr(m->p, ",\"code\"") - m->p);
    m->p[m->n] = 0;
    add_member(m, "owner");
    add_text(m, 0);
    add_list(m, "team", 0);
    add_list(m, "card", i);
    add(m, ",\"ext\":[");
    for (int k = 0; k < 3; k++) {
        snprintf(source, sizeof source, "%s{\"source\":\"%s\",\"value\":", k ? "," : "",
                 k == 2 - mixed ? "shop" : "erp");
        add(m, source);
        add_text(m, i * 10 + (unsigned)k);
        add(m, "}");
    }
    add(m, "]");
    add(m, REST[i % (sizeof REST / sizeof *REST)]);
    if (friends)
        add(m, ",\"friends\":[1,2]");
    add(m, ",\"events\":[{\"kind\":\"visit\",\"time\":\"2026-02-03T04:05:06Z\",\"reference\":");
    add_text(m, 5);
    add_member(m, "source");
    add_string(m, i % 4 ? "'5;x" : "N/A");
    add_member(m, "said");
    add_text(m, 0);
    add_member(m, "by");
    add_text(m, 0);
    add(m, ",\"mood\":\"none\"}]}");
}

/* Some are refused, as the model refuses some texts: enough must not be. */
static void fill(crm_db *db, unsigned count, int mixed)
{
    crm_txn *txn = api_begin(db, CRM_WRITE);
    making m = {.rng = crmtest_seed()};
    unsigned made = 0;
    crm_id id;

    for (unsigned i = 1; i <= count; i++) {
        make(&m, i, mixed, made >= 2);
        made += crm_customer_create_json(txn, m.p, m.n, &id, &er) == CRM_OK;
    }
    OK(crm_txn_commit(txn, &er));
    ck_assert_uint_ge(made, count / 2);
    free(m.p);
}

static const char *export_to(crm_db *db, const char *name, uint32_t what, uint32_t format)
{
    crm_export_options o = CRM_EXPORT_OPTIONS_INIT;
    const char *file = crmtest_path(name);

    o.reason = "test";
    o.what = what;
    o.format = format;
    o.flags = CRM_EXPORT_REPLACE;
    OK(crm_export(db, file, &o, 0, NULL, &er));
    return file;
}

static int tell(const crm_import_bad *bad, void *ctx)
{
    (void)ctx;
    for (size_t i = 0; i < bad->fault_count; i++)
        fprintf(stderr, "line %d: %s: %s\n", (int)bad->line, bad->faults[i].field,
                bad->faults[i].message);
    return 0;
}

static crm_import_result import_from(crm_db *db, const char *file, uint32_t flags, uint32_t policy)
{
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    crm_import_result r;
    crm_import *imp;

    ck_assert_int_ge(fd, 0);
    o.flags = flags;
    o.policy = policy;
    o.bad = tell;
    OK(crm_import_open(db, fd, &o, &imp, &er));
    OK(crm_import_run(imp, sizeof r, &r, &er));
    crm_import_close(imp);
    close(fd);
    return r;
}

/* The documents, without what depends on when they came to be. */
static char *documents(crm_db *db)
{
    static const char *const LEAVE[] = {"\"revision\":", "\"created_at\":", "\"updated_at\":"};
    const char *file = export_to(db, "state.jsonl", CRM_EXPORT_CUSTOMERS, CRM_EXPORT_JSONL);
    FILE *in = fopen(file, "r");
    char *all = NULL, *at;
    size_t size = 0;

    ck_assert_ptr_nonnull(in);
    ck_assert_int_gt(getdelim(&all, &size, 0, in), 0);
    fclose(in);
    for (size_t i = 0; i < 3; i++) {
        for (at = all; (at = strstr(at, LEAVE[i])) != NULL;) {
            char *end = at + strcspn(at, ",}");
            memmove(at, end + (*end == ','), strlen(end + (*end == ',')) + 1);
        }
    }
    return all;
}

/* What differs is shown with what stands before it: the whole is too long for a message. */
static void same(const char *a, const char *b)
{
    size_t i = 0, from;

    while (a[i] && a[i] == b[i])
        i++;
    from = i > 120 ? i - 120 : 0;
    ck_assert_msg(a[i] == b[i], "byte %zu: \"%.200s\" is \"%.200s\"", i, a + from, b + from);
}

/* Nothing is changed by what is read back; returns the file. */
static const char *back(crm_db *db, uint32_t what)
{
    const char *file = export_to(db, "back.csv", what, CRM_EXPORT_CSV);
    char *a = documents(db), *b;
    crm_import_result r =
        import_from(db, file, what == CRM_EXPORT_EVENTS ? CRM_IMPORT_EVENTS : 0, 0);

    b = documents(db);
    ck_assert_uint_eq(r.bad, 0);
    same(a, b);
    ck_assert_uint_eq(r.created + r.updated, 0);
    ck_assert_uint_ge(r.unchanged, crmtest_rounds(100, 100));
    free(a);
    free(b);
    return file;
}

CRM_TEST(test_api_export_back__nothing_is_changed)
{
    crm_db *db = api_open_model(MODEL);

    fill(db, (unsigned)crmtest_rounds(300, 3000), 1);
    back(db, CRM_EXPORT_CUSTOMERS);
    back(db, CRM_EXPORT_EVENTS);
    crm_db_close(db);
}

CRM_TEST(test_api_export_back__elsewhere_they_are_equal)
{
    crm_db *db = api_open_model(MODEL), *other;
    crm_db_options d = CRM_DB_OPTIONS_INIT;
    crm_import_result r;
    char *a, *b;

    fill(db, (unsigned)crmtest_rounds(300, 3000), 0);
    d.model = MODEL;
    OK(crm_db_open(crmtest_path("other"), &d, &other, &er));
    r = import_from(other, back(db, CRM_EXPORT_CUSTOMERS), 0, CRM_IMPORT_CREATE);
    ck_assert_uint_eq(r.bad, 0);
    a = documents(db);
    b = documents(other);
    same(a, b);
    free(a);
    free(b);
    crm_db_close(other);
    crm_db_close(db);
}

/* All that a card has room for, of the built-in model. */
static void make_person(making *m, unsigned i)
{
    static const char *const KEYS[] = {"company", "department", "job_title",   "address",
                                       "city",    "province",   "postal_code", "notes"};

    m->n = 0;
    add(m, "{\"name\":");
    add_text(m, i % 3 ? i : 0);
    for (size_t k = 0; k < sizeof KEYS / sizeof *KEYS; k++) {
        if (crmtest_below(&m->rng, 3))
            continue;
        add_member(m, KEYS[k]);
        add_text(m, 0);
    }
    add_list(m, "wechat", i);
    add(m, ",\"external\":[{\"source\":\"vcard\",\"value\":"); /* the UID, which comes first */
    add_text(m, i + 1000000);
    add(m, "},{\"source\":\"erp\",\"value\":");
    add_text(m, i);
    add(m, i % 4 ? "}]" : "}],\"phone\":[\"+8613800138000\"],\"email\":[\"o'x@example.com\"]");
    add(m, "}");
}

CRM_TEST(test_api_export_back__cards_of_any_text)
{
    unsigned count = (unsigned)crmtest_rounds(300, 3000), made = 0;
    crm_db *db = api_open(), *other;
    crm_txn *txn = api_begin(db, CRM_WRITE);
    making m = {.rng = crmtest_seed()};
    crm_import_result r;
    const char *file;
    char *a, *b;
    crm_id id;

    for (unsigned i = 1; i <= count; i++) {
        make_person(&m, i);
        made += crm_customer_create_json(txn, m.p, m.n, &id, &er) == CRM_OK;
    }
    OK(crm_txn_commit(txn, &er));
    ck_assert_uint_ge(made, count / 2);
    free(m.p);
    a = documents(db);
    file = export_to(db, "back.vcf", CRM_EXPORT_CUSTOMERS, CRM_EXPORT_VCARD);
    r = import_from(db, file, 0, 0);
    b = documents(db);
    same(a, b);
    ck_assert_uint_eq(r.bad, 0);
    ck_assert_uint_eq(r.unchanged, made);
    free(b);
    OK(crm_db_open(crmtest_path("other"), NULL, &other, &er));
    r = import_from(other, file, 0, CRM_IMPORT_CREATE);
    ck_assert_uint_eq(r.created, made);
    b = documents(other);
    same(a, b);
    free(b);
    crm_db_close(other);
    free(a);
    crm_db_close(db);
}

/* In a card a ' is no spreadsheet's mark. */
CRM_TEST(test_api_export_back__cards)
{
    static const char *const TEXTS[] = {"'5", "'=x", "'+1", "'-", "'@x", "''5", "'", "'Twas"};
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_import_result r;
    char *a, *b, json[512];

    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        const char *t = TEXTS[i];
        snprintf(json, sizeof json,
                 "{\"name\":\"%s\",\"company\":\"%s\",\"job_title\":\"%s\",\"address\":\"%s\","
                 "\"city\":\"%s\",\"notes\":\"%s\",\"wechat\":\"%s\",\"external\":[{\"source\":"
                 "\"erp\",\"value\":\"%s\"}]}",
                 t, t, t, t, t, t, t, t);
        api_create(txn, json);
    }
    OK(crm_txn_commit(txn, &er));
    a = documents(db);
    r = import_from(db, export_to(db, "back.vcf", CRM_EXPORT_CUSTOMERS, CRM_EXPORT_VCARD), 0, 0);
    b = documents(db);
    same(a, b);
    ck_assert_uint_eq(r.unchanged, sizeof TEXTS / sizeof *TEXTS);
    free(a);
    free(b);
    crm_db_close(db);
}

/* A row of one source's values leaves those of others alone. */
CRM_TEST(test_api_export_back__columns_of_one_source)
{
    static const char TABLE[] = "id,kind,ext@erp\n1,person,E2;E1\n2,person,E9\n";
    crm_db *db = api_open_model(MODEL);
    crm_txn *txn = api_begin(db, CRM_WRITE);
    const char *file = crmtest_path("erp.csv");
    FILE *out = fopen(file, "w");
    crm_import_result r;
    char *a;

    api_create(txn, "{\"name\":\"A\",\"ext\":[{\"source\":\"erp\",\"value\":\"E1\"},{\"source\":"
                    "\"shop\",\"value\":\"S1\"},{\"source\":\"erp\",\"value\":\"E2\"}]}");
    api_create(txn, "{\"name\":\"B\",\"ext\":[{\"source\":\"erp\",\"value\":\"E3\"},{\"source\":"
                    "\"shop\",\"value\":\"S3\"}]}");
    OK(crm_txn_commit(txn, &er));
    ck_assert_ptr_nonnull(out);
    fputs(TABLE, out);
    fclose(out);
    r = import_from(db, file, 0, 0);
    ck_assert_uint_eq(r.unchanged, 1);
    ck_assert_uint_eq(r.updated, 1);
    a = documents(db);
    ck_assert_ptr_nonnull(
        strstr(a, "\"S1\"},{\"kind\":\"ext\",\"source\":\"erp\",\"value\":\"E2\""));
    ck_assert_ptr_nonnull(
        strstr(a, "\"S3\"},{\"kind\":\"ext\",\"source\":\"erp\",\"value\":\"E9\""));
    ck_assert_msg(!strstr(a, "E3"), "%s", a);
    free(a);
    crm_db_close(db);
}

/* Cells of others, in which backslashes are what they are. */
CRM_TEST(test_api_export_back__backslashes_of_others)
{
    static const char TABLE[] = "name,words,card\n"
                                "A,\\\\server\\share;C:\\dir,AD\\li\n"
                                "B,a\\;b;c\\\\;d,\\=N/A;x\n"
                                "C,\"a\\\nb\nc\",N/A\n"
                                "\\=N/A,\\= x ;\\=,-\n";
    crm_db *db = api_open_model(MODEL);
    const char *file = crmtest_path("theirs.csv");
    crm_import_result r;
    FILE *out = fopen(file, "w");
    char *a;

    ck_assert_ptr_nonnull(out);
    fputs(TABLE, out);
    fclose(out);
    r = import_from(db, file, 0, CRM_IMPORT_CREATE);
    ck_assert_uint_eq(r.created, 4);
    a = documents(db);
    ck_assert_ptr_nonnull(strstr(a, "\"words\":[\"\\\\\\\\server\\\\share\",\"C:\\\\dir\"]"));
    ck_assert_ptr_nonnull(strstr(a, "{\"kind\":\"card\",\"value\":\"AD\\\\li\"}"));
    ck_assert_ptr_nonnull(strstr(a, "\"words\":[\"a;b\",\"c\\\\\",\"d\"]"));
    ck_assert_ptr_nonnull(
        strstr(a, "{\"kind\":\"card\",\"value\":\"N/A\"},{\"kind\":\"card\",\"value\":\"x\"}"));
    ck_assert_ptr_nonnull(strstr(a, "\"words\":[\"a\\nb\",\"c\"]"));
    ck_assert_ptr_nonnull(strstr(a, "\"name\":\"N/A\",\"words\":[\"x\"]"));
    free(a);
    crm_db_close(db);
}
