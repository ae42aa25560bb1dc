/* SPDX-License-Identifier: MIT
 * Texts under `index: contains` that change again and again, in commits of one and of many: whoever
 * a question finds is who the texts say, and check finds the pieces as the records have them,
 * those that wait among them.
 */
#include "help.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CUSTOMERS = 2000, TEXT = 400, WORDS = 300, LATELY = 300, WATCHED = 3 };

static const char *const WATCHES[WATCHED] = {"note contains \"%s\"", "not names contains \"%s\"",
                                             "note starts with \"%s\""};

static const char MODEL[] = "crm: 1\n"
                            "fields:\n"
                            "  note: {type: text, index: contains}\n"
                            "  names: {type: text, list: true, index: contains}\n"
                            "  score: {type: integer}\n";
static const char PLAIN[] = "crm: 1\n"
                            "fields:\n"
                            "  note: {type: text}\n"
                            "  names: {type: text, list: true, index: contains}\n"
                            "  score: {type: integer}\n";

typedef struct one {
    char note[TEXT], names[TEXT]; /* empty: none */
    int deleted;
} one;

typedef struct world {
    crm_db *db;
    uint64_t seed;
    char word[WORDS][16];
    one of[CUSTOMERS + 1]; /* by id */
    one undo[CUSTOMERS + 1]; /* as before the last batch */
    crm_id lately[LATELY]; /* that were changed */
    uint64_t changes;
    uint64_t batch;         /* the last one that can be undone; 0: none */
    int indexed;
    int longest; /* words of a text */
    char part[WATCHED][16];                      /* what the watched segments look for */
    uint8_t members[WATCHED][CUSTOMERS + 1];     /* as the feed told */
    uint64_t followed;                           /* revision up to which */
    crm_txn *old;                                /* an older snapshot, NULL: none */
    uint64_t old_count[WATCHED];
} world;

static uint32_t below(world *w, uint32_t n)
{
    return (uint32_t)crmtest_below(&w->seed, n);
}

static void make_words(world *w)
{
    static const char *const SYLLABLE[] = {"ka", "mo", "ri", "Sta", "el", "un", "do", "vi", "pe", "x"};
    static const char *const HAN[] = {"上", "海", "北", "京", "张", "伟"};

    for (int i = 0; i < WORDS; i++) {
        char *to = w->word[i];
        int wide = i % 8 == 7, n = 1 + (int)below(w, 4);
        to[0] = 0;
        for (int k = 0; k < n; k++)
            strcat(to, wide ? HAN[below(w, 6)] : SYLLABLE[below(w, 10)]);
    }
}

static void make_text(world *w, char to[TEXT])
{
    int n = 1 + (int)below(w, (uint32_t)w->longest);

    to[0] = 0;
    for (int i = 0; i < n && strlen(to) + 20 < TEXT; i++) {
        if (i)
            strcat(to, " ");
        strcat(to, w->word[below(w, WORDS)]);
    }
}

/* A new text of one or both fields, or none. */
static void change(world *w, crm_txn *txn, crm_id id)
{
    char json[3 * TEXT];
    one *o = &w->of[id];
    uint32_t what = below(w, 20);

    w->lately[w->changes++ % LATELY] = id;
    if (o->deleted) {
        OK(crm_customer_undelete(txn, id, 0, &er));
        o->deleted = 0;
    }
    if (what == 0) {
        OK(crm_customer_delete(txn, id, 0, &er));
        o->deleted = 1;
        return;
    }
    if (what == 1) {
        o->note[0] = 0;
        OK(crm_customer_patch_json(txn, id, 0, "{\"note\":null}", CRM_NUL, &er));
        return;
    }
    if (what == 2) { /* the same in other letters: no piece changes */
        for (char *p = o->note; *p; p++)
            *p = (char)toupper((unsigned char)*p);
    } else if (what == 3 && strlen(o->note) > 4) {
        o->note[strcspn(o->note, " ")] = 0; /* only some go */
    } else if (what == 4) {
        strcpy(o->note, "ka"); /* too short for a piece */
    } else {
        make_text(w, o->note);
    }
    if (what > 14)
        make_text(w, o->names);
    snprintf(json, sizeof json, "{\"note\":%s%s%s,\"names\":[%s%s%s%s]}", *o->note ? "\"" : "null",
             o->note, *o->note ? "\"" : "", *o->names ? "\"" : "", o->names, *o->names ? "\"" : "",
             *o->names ? ",\"zz top\"" : "");
    OK(crm_customer_patch_json(txn, id, 0, json, CRM_NUL, &er));
}

static crm_txn *begin_batch(world *w)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn;

    o.batch = CRM_BATCH_NEW;
    OK(crm_txn_begin(w->db, CRM_WRITE, &o, &txn, &er));
    return txn;
}

/* ---- questions ---- */

static void lower(char *to, const char *text)
{
    for (; *text; text++)
        *to++ = (char)tolower((unsigned char)*text);
    *to = 0;
}

static int has(const char *text, const char *part, int first)
{
    char a[TEXT], b[TEXT];
    const char *at;

    lower(a, text);
    lower(b, part);
    at = *a ? strstr(a, b) : NULL;
    return at && (!first || at == a);
}

/* Whether a customer is in a question of ask(). */
static int is_found(const one *o, int form, const char *part)
{
    int in = form == 1 ? has(o->names, part, 0) || (*o->names && has("zz top", part, 0))
                       : has(o->note, part, form == 2);

    return !o->deleted && in != (form == 3);
}

static void ask(world *w, crm_txn *txn)
{
    static const char *const FORM[] = {"note contains \"%s\"", "names contains \"%s\"",
                                       "note starts with \"%s\"", "not note contains \"%s\"",
                                       "score is empty and note contains \"%s\""};
    char part[2 * TEXT], text[3 * TEXT];
    uint32_t form = below(w, 5);
    uint64_t count, want = 0;
    crm_segment *s;

    strcpy(part, w->word[below(w, WORDS)]);
    if (below(w, 3)) { /* of a text that there is, and changed lately */
        const one *o = &w->of[w->lately[below(w, LATELY)]];
        const char *from = form == 1 ? o->names : o->note;
        if (strlen(from) > 3)
            snprintf(part, sizeof part, "%.*s", 6 + (int)below(w, 30), from);
        /* No half of a character, nor a space, which is not looked for at the end. */
        while (*part && ((part[strlen(part) - 1] & 0x80) || part[strlen(part) - 1] == ' '))
            part[strlen(part) - 1] = 0;
        if (!*part)
            strcpy(part, "ka");
    }
    snprintf(text, sizeof text, FORM[form], part);
    for (crm_id id = 1; id <= CUSTOMERS; id++)
        want += (uint64_t)is_found(&w->of[id], (int)form, part);
    OK(crm_segment_parse(txn, text, CRM_NUL, &s, &er));
    OK(crm_segment_count(txn, s, NULL, &count, &er));
    for (int i = 0; i < 3; i++) {
        crm_id id = w->lately[below(w, LATELY)];
        int in, should = is_found(&w->of[id], (int)form, part);
        int rc = crm_segment_has(txn, s, id, &in, &er);
        if (rc != CRM_ENOTFOUND || !w->of[id].deleted)
            OK(rc);
        ck_assert_msg((!rc && in) == should, "%s: customer %llu, %d (seed %llu)", text,
                      (unsigned long long)id, in, (unsigned long long)crmtest_seed());
    }
    ck_assert_msg(count == want, "%s: %llu, not %llu (seed %llu)", text, (unsigned long long)count,
                  (unsigned long long)want, (unsigned long long)crmtest_seed());
    crm_segment_free(s);
}

static void ask_all(world *w, int n)
{
    crm_txn *txn = api_begin(w->db, CRM_READ);

    for (int i = 0; i < n; i++)
        ask(w, txn);
    OK(crm_txn_abort(txn));
}

/* ---- watched segments, and a snapshot that stays ---- */

static void watched_text(const world *w, int i, char text[TEXT])
{
    snprintf(text, TEXT, WATCHES[i], w->part[i]);
}

static int is_watched(const world *w, int i, const one *o)
{
    if (i == 1)
        return !o->deleted && !is_found(o, 1, w->part[i]);
    return is_found(o, i, w->part[i]);
}

static uint64_t watched_count(const world *w, int i)
{
    uint64_t count = 0;

    for (crm_id id = 1; id <= CUSTOMERS; id++)
        count += (uint64_t)is_watched(w, i, &w->of[id]);
    return count;
}

static void watch(world *w)
{
    for (int i = 0; i < WATCHED; i++) {
        char text[TEXT], name[8];
        crm_txn *txn = api_begin(w->db, CRM_WRITE);
        crm_segment *s;
        do
            strcpy(w->part[i], w->word[below(w, WORDS)]);
        while (strlen(w->part[i]) < 3 || strlen(w->part[i]) > 6);
        watched_text(w, i, text);
        snprintf(name, sizeof name, "w%d", i);
        OK(crm_segment_parse(txn, text, CRM_NUL, &s, &er));
        OK(crm_segment_save(txn, name, s, 0, &er));
        crm_segment_free(s);
        OK(crm_segment_watch(txn, name, &er));
        api_commit(txn);
    }
}

/* What the feed told of who entered and left is who is in the segments. */
static void follow(world *w)
{
    crm_live_change c = CRM_LIVE_CHANGE_INIT;
    crm_txn *txn = api_begin(w->db, CRM_READ);
    crm_live_iter *it;
    int rc;

    OK(crm_live_list(txn, w->followed, NULL, &it, &er));
    while ((rc = crm_live_next(it, &c, &er)) == CRM_OK) {
        uint8_t *in = &w->members[c.segment[1] - '0'][c.customer];
        ck_assert_uint_ne(*in, c.entered);
        *in = (uint8_t)c.entered;
    }
    ck_assert_int_eq(rc, CRM_DONE);
    crm_live_close(it);
    w->followed = crm_txn_revision(txn);
    crm_txn_abort(txn);
    for (int i = 0; i < WATCHED; i++) {
        for (crm_id id = 1; id <= CUSTOMERS; id++)
            ck_assert_msg(w->members[i][id] == is_watched(w, i, &w->of[id]),
                          "segment %d, customer %llu (seed %llu)", i, (unsigned long long)id,
                          (unsigned long long)crmtest_seed());
    }
}

/* A snapshot answers as when it was taken, however many rows have waited and come in since. */
static void look_back(world *w)
{
    for (int i = 0; w->old && i < WATCHED; i++) {
        char text[TEXT];
        crm_segment *s;
        uint64_t count;
        watched_text(w, i, text);
        OK(crm_segment_parse(w->old, text, CRM_NUL, &s, &er));
        OK(crm_segment_count(w->old, s, NULL, &count, &er));
        ck_assert_uint_eq(count, w->old_count[i]);
        crm_segment_free(s);
    }
    if (w->old)
        crm_txn_abort(w->old);
    w->old = NULL;
}

static void keep_snapshot(world *w)
{
    look_back(w);
    w->old = api_begin(w->db, CRM_READ);
    for (int i = 0; i < WATCHED; i++)
        w->old_count[i] = watched_count(w, i);
}

/* ---- changes ---- */

static void single(world *w)
{
    crm_txn *txn = api_begin(w->db, CRM_WRITE);
    crm_id id = 1 + below(w, CUSTOMERS);
    int n = below(w, 6) ? 1 : 1 + (int)below(w, 5);

    for (int i = 0; i < n; i++) {
        change(w, txn, below(w, 2) ? id : 1 + below(w, CUSTOMERS));
        if (below(w, 4) == 0)
            ask(w, txn);
    }
    if (below(w, 10) == 0) { /* what is rolled back leaves nothing */
        one was = w->of[id];
        crm_savepoint mark;
        OK(crm_txn_savepoint(txn, &mark, &er));
        change(w, txn, id);
        OK(crm_txn_rollback(txn, mark, &er));
        w->of[id] = was;
    }
    api_commit(txn);
    w->batch = 0;
}

static void undo(world *w)
{
    crm_txn *txn;

    if (!w->batch)
        return;
    txn = api_begin(w->db, CRM_WRITE);
    OK(crm_undo(txn, w->batch, 0, NULL, NULL, NULL, &er));
    OK(crm_txn_commit(txn, &er));
    memcpy(w->of, w->undo, sizeof w->of);
    w->batch = 0;
}

static void many(world *w)
{
    crm_txn *txn = begin_batch(w);
    uint32_t n = 20 + below(w, 150);

    memcpy(w->undo, w->of, sizeof w->of);
    for (uint32_t i = 0; i < n; i++)
        change(w, txn, 1 + below(w, CUSTOMERS));
    ask(w, txn);
    w->batch = crm_txn_batch(txn);
    OK(crm_txn_commit(txn, &er));
    if (below(w, 2))
        undo(w);
}

static void change_some(world *w, crm_txn *txn)
{
    for (uint32_t n = below(w, 4); n > 0; n--)
        change(w, txn, below(w, 2) ? w->lately[below(w, LATELY)] : 1 + below(w, CUSTOMERS));
}

/* The index goes or comes, or goes and comes again, while rows wait and in a transaction that
 * changes texts before and behind it. */
static void new_model(world *w)
{
    crm_txn *txn = api_begin(w->db, CRM_WRITE);
    int times = 1 + (below(w, 2) == 0);

    change_some(w, txn);
    for (int i = 0; i < times; i++) {
        w->indexed = !w->indexed;
        OK(crm_model_apply(txn, w->indexed ? MODEL : PLAIN, CRM_NUL, 0, NULL, NULL, &er));
        change_some(w, txn);
        ask(w, txn);
    }
    OK(crm_txn_commit(txn, &er));
    api_check_clean(api_path());
    w->batch = 0;
}

static void begin(world *w, int longest)
{
    crm_txn *txn;

    memset(w, 0, sizeof *w);
    w->seed = crmtest_seed();
    w->longest = longest;
    w->indexed = 1;
    make_words(w);
    w->db = api_open_model(MODEL);
    txn = api_begin(w->db, CRM_WRITE);
    for (crm_id id = 1; id <= CUSTOMERS; id++)
        ck_assert_uint_eq(api_create(txn, "{}"), id);
    for (crm_id id = 1; id <= CUSTOMERS; id++)
        change(w, txn, id);
    api_commit(txn);
    watch(w);
}

static void run(int longest, size_t rounds)
{
    world *w = malloc(sizeof *w);

    ck_assert_ptr_nonnull(w);
    begin(w, longest);
    for (size_t i = 0; i < rounds; i++) {
        uint32_t what = below(w, 100);
        if (what < 90)
            single(w);
        else if (what < 94)
            many(w);
        else if (what == 97)
            new_model(w);
        else {
            look_back(w);
            crm_db_close(w->db);
            w->db = api_open();
        }
        ask_all(w, 4);
        if (i % 10 == 0)
            keep_snapshot(w);
        if (i % 25 == 0) {
            follow(w);
            api_check_clean(api_path());
        }
    }
    follow(w);
    look_back(w);
    api_check_clean(api_path());
    crm_db_close(w->db);
    free(w);
}

CRM_TEST(test_api_contains__random_changes_of_short_texts_are_found)
{
    run(3, crmtest_rounds(600, 6000));
}

CRM_TEST(test_api_contains__random_changes_of_long_texts_are_found)
{
    run(40, crmtest_rounds(600, 6000));
}

/* ---- bytes ---- */

enum { MANY = 20000, COMMITS = 300, COMMON = 1000 };

/* What this process has written to files until now. */
static uint64_t written(void)
{
    FILE *f = fopen("/proc/self/io", "r");
    unsigned long long n = 0;
    char line[100];

    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof line, f))
        (void)sscanf(line, "wchar: %llu", &n);
    fclose(f);
    return n;
}

static void common_text(uint64_t *seed, int words, char *json, size_t n)
{
    static const char *const SYLLABLE[] = {"ka", "mo", "ri", "sta", "el", "un", "do",  "vi", "pe", "xa",
                                           "lo", "ter", "gu", "ban", "shi", "fo", "qe", "jin", "wol", "hu"};
    size_t at = (size_t)snprintf(json, n, "{\"note\":\"");

    for (int i = 0; i < words; i++) {
        uint64_t word = crmtest_below(seed, COMMON), of = word * 7919 + 1;
        int syllables = 2 + (int)(word % 3);
        at += (size_t)snprintf(json + at, n - at, "%s", i ? " " : "");
        for (int k = 0; k < syllables; k++)
            at += (size_t)snprintf(json + at, n - at, "%s", SYLLABLE[crmtest_rand(&of) % 20]);
    }
    snprintf(json + at, n - at, "\"}");
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* A commit of one text: of a customer that is there, of a new one, or of one that goes. */
typedef enum act { PATCH, CREATE, DELETE } act;

static void commit_one(crm_db *db, act what, const char *json, crm_id id)
{
    crm_txn *txn = api_begin(db, CRM_WRITE);

    if (what == PATCH)
        OK(crm_customer_patch_json(txn, id, 0, json, CRM_NUL, &er));
    else if (what == CREATE)
        api_create(txn, json);
    else
        OK(crm_customer_delete(txn, id, 0, &er));
    api_commit(txn);
}

/* Bytes that commits of one text write, ascending. */
static void measure(act what, int words, uint64_t bytes[COMMITS])
{
    uint64_t seed = crmtest_seed();
    crm_db *db = api_open_model(MODEL);
    crm_txn *txn = api_begin(db, CRM_WRITE);
    char json[2000];

    for (int i = 0; i < MANY; i++) {
        common_text(&seed, words, json, sizeof json);
        api_create(txn, json);
    }
    api_commit(txn);
    for (int i = 0; i < COMMITS; i++) {
        uint64_t before = written(), part = MANY / COMMITS;
        common_text(&seed, words, json, sizeof json);
        commit_one(db, what, json, 1 + (uint64_t)i * part + crmtest_below(&seed, part));
        bytes[i] = written() - before;
    }
    qsort(bytes, COMMITS, sizeof *bytes, by_size);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* Some commits write more than others do, of any change: lists of free pages, and the log that
 * begins anew. */
static void writes_little(act what, int words, uint64_t most)
{
    uint64_t bytes[COMMITS], sum = 0;

    if (access("/proc/self/io", R_OK))
        return;
    measure(what, words, bytes);
    for (int i = 0; i < COMMITS; i++)
        sum += bytes[i];
    ck_assert_msg(sum / COMMITS <= most, "%d words: %llu bytes", words,
                  (unsigned long long)(sum / COMMITS));
    ck_assert_msg(bytes[COMMITS * 9 / 10] <= 96 << 10, "%d words: one in ten %llu bytes", words,
                  (unsigned long long)bytes[COMMITS * 9 / 10]);
}

CRM_TEST(test_api_contains__a_changed_text_writes_little)
{
    writes_little(PATCH, 8, 64 << 10);
}

CRM_TEST(test_api_contains__a_changed_name_writes_little)
{
    writes_little(PATCH, 3, 64 << 10);
}

CRM_TEST(test_api_contains__a_changed_paragraph_writes_little)
{
    writes_little(PATCH, 24, 64 << 10);
}

CRM_TEST(test_api_contains__a_changed_page_writes_little)
{
    writes_little(PATCH, 60, 64 << 10);
}

/* More columns and sets change than with a text: the order of creation, who is there. */
CRM_TEST(test_api_contains__a_new_customer_writes_little)
{
    writes_little(CREATE, 8, 96 << 10);
}

CRM_TEST(test_api_contains__a_deleted_customer_writes_little)
{
    writes_little(DELETE, 8, 96 << 10);
}
