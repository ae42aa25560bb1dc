/* SPDX-License-Identifier: MIT
 * Trees read in a map, against LMDB's own cursors; on damaged files within memory and without end.
 */
#include "page_same.h"

#include "base/bytes.h"
#include "damage.h"
#include "ok.h"
#include "kv/kv_map.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the map as a kv_txn ---- */

typedef struct map_txn {
    kv_txn head;
    kv_env env;
    map_file file;
    size_t bytes; /* of the map, with a page behind the file that nobody may touch */
    MDB_txn *mt;
    store *s;
} map_txn;

typedef struct cursor {
    kv_cursor head;
    map_cursor at;
} cursor;

static const kv_ops OPS;

static int tree_of(map_txn *t, kv_space space, map_tree *out)
{
    const char *name = crm__kv_space_name(space);
    MDB_val k = {strlen(name), (void *)(uintptr_t)name}, v;
    MDB_dbi directory;

    OK(mdb_dbi_open(t->mt, NULL, 0, &directory));
    OK(mdb_get(t->mt, directory, &k, &v));
    return crm__map_tree_read((crm__slice){v.mv_data, v.mv_size}, out);
}

static int get(kv_txn *txn, kv_space space, crm__slice key, crm__slice *value)
{
    map_tree tree;
    int rc = tree_of((map_txn *)txn, space, &tree);

    return rc ? rc : crm__map_get(&((map_txn *)txn)->file, &tree, key, value);
}

static int cursor_open(kv_txn *txn, kv_space space, kv_cursor **out)
{
    cursor *c = calloc(1, sizeof *c);
    map_tree tree;

    OK(tree_of((map_txn *)txn, space, &tree));
    c->head.ops = &OPS;
    c->head.txn = txn;
    crm__map_cursor_init(&c->at, &((map_txn *)txn)->file, &tree);
    *out = &c->head;
    return CRM_OK;
}

static void cursor_close(kv_cursor *c)
{
    free(c);
}

static int seek(kv_cursor *c, kv_seek how, crm__slice key, crm__slice *k, crm__slice *v)
{
    return crm__map_seek(&((cursor *)c)->at, how, key, k, v);
}

static int next(kv_cursor *c, crm__slice *k, crm__slice *v)
{
    return crm__map_move(&((cursor *)c)->at, 0, k, v);
}

static int prev(kv_cursor *c, crm__slice *k, crm__slice *v)
{
    return crm__map_move(&((cursor *)c)->at, 1, k, v);
}

static int figures(kv_txn *txn, kv_space space, kv_stat *out)
{
    map_txn *t = (map_txn *)txn;
    MDB_stat st;

    OK(mdb_stat(t->mt, t->s->dbi[space], &st));
    out->entries = st.ms_entries;
    out->depth = st.ms_depth;
    out->bytes = (st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages) * st.ms_psize;
    return CRM_OK;
}

static const kv_ops OPS = {
    .get = get,
    .cursor = cursor_open,
    .cursor_close = cursor_close,
    .seek = seek,
    .next = next,
    .prev = prev,
    .stat = figures,
};

static void map_open(map_txn *t, const char *path, uint32_t psize)
{
    struct stat st;
    size_t whole;
    uint8_t *p;

    memset(t, 0, sizeof *t);
    t->head.ops = &OPS;
    t->head.env = &t->env;
    t->file.psize = psize;
    t->file.fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(t->file.fd, 0);
    OK(fstat(t->file.fd, &st));
    whole = (size_t)st.st_size / psize * psize;
    t->bytes = whole + psize;
    p = mmap(NULL, t->bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(p, MAP_FAILED);
    if (whole)
        ck_assert_ptr_eq(mmap(p, whole, PROT_READ, MAP_SHARED | MAP_FIXED, t->file.fd, 0), p);
    t->file.base = p;
    t->file.most = whole / psize;
}

static void map_close(map_txn *t)
{
    munmap((void *)(uintptr_t)t->file.base, t->bytes);
    close(t->file.fd);
}

/* ---- sound files ---- */

static void same_store(store *s, uint64_t *seed, unsigned keys, unsigned rounds)
{
    map_txn t;
    MDB_stat st;

    OK(mdb_env_stat(s->env, &st));
    map_open(&t, store_file(s->dir), st.ms_psize);
    t.s = s;
    OK(mdb_txn_begin(s->env, NULL, MDB_RDONLY, &t.mt));
    same_rows(s, t.mt, &t.head, seed, keys, rounds);
    mdb_txn_abort(t.mt);
    map_close(&t);
}

CRM_TEST(test_kv_map__reads_what_lmdb_wrote)
{
    uint64_t seed = crmtest_seed() + 11;
    store s;

    store_make(&s, "store", KV_SPACES);
    same_store(&s, &seed, 100, 4);
    for (unsigned i = 0; i < crmtest_rounds(6, 30); i++) {
        unsigned rows = 1u << (3 + i % 6 * 2);
        store_work(&s, &seed, 1 + i % 3, rows, 20000);
        same_store(&s, &seed, rows * 2, 30);
    }
    store_close(&s);
}

enum { TOKENS, NUMBERS, CLUSTERS, SKEWED, SHORT, WIDE, SPREADS };

/* Key n of one of the ways keys are spread; the guesses of a search are good for some, bad for
 * others. */
static crm__slice spread_key(unsigned way, uint64_t n, uint8_t to[40])
{
    uint64_t state = n * 8 + way;
    size_t len = way == TOKENS ? 26 : way == SHORT ? 1 + n % 7 : way == NUMBERS || way == WIDE ? 8 : 24;

    memset(to, 0, 40);
    for (size_t i = 0; i < len; i += 8) {
        uint64_t r = crmtest_rand(&state);
        memcpy(to + i, &r, 8);
    }
    if (way == TOKENS)
        to[0] = to[1] = 0;
    if (way == NUMBERS)
        crm__put_be64(to, n + (n / 1000) * 5000);
    if (way == CLUSTERS) /* thousands of keys share 16 bytes */
        memset(to, (int)(n % 3), 16);
    if (way == SKEWED) /* each bit ahead half as often: most keys crowd at the range's low end */
        crm__put_be64(to, crm__get_be64(to) >> (n % 60));
    return (crm__slice){to, len};
}

static void same_spread(store *s, unsigned way, unsigned count, uint64_t *seed, unsigned rounds)
{
    uint8_t to[40];
    MDB_cursor *mc;
    kv_cursor *c;
    MDB_stat st;
    map_txn t;

    OK(mdb_env_stat(s->env, &st));
    map_open(&t, store_file(s->dir), st.ms_psize);
    t.s = s;
    OK(mdb_txn_begin(s->env, NULL, MDB_RDONLY, &t.mt));
    same_scan(t.mt, s->dbi[way], &t.head, (kv_space)way);
    OK(mdb_cursor_open(t.mt, s->dbi[way], &mc));
    OK(cursor_open(&t.head, (kv_space)way, &c));
    for (unsigned i = 0; i < rounds; i++) {
        crm__slice key = spread_key(way, crmtest_below(seed, count * 5 / 4), to), k, v;
        kv_seek how = (kv_seek)(KV_GE + (int)crmtest_below(seed, 3));
        MDB_val mk, mv;
        int rc, m;
        if (crmtest_below(seed, 4) == 0)
            to[key.n - 1] = (uint8_t)(to[key.n - 1] + 1 - 2 * crmtest_below(seed, 2));
        m = same_seek(mc, how, key, &mk, &mv);
        rc = seek(c, how, key, &k, &v);
        same_row(m, &mk, &mv, rc, k, v);
        mk = (MDB_val){key.n, to};
        m = mdb_get(t.mt, s->dbi[way], &mk, &mv);
        rc = get(&t.head, (kv_space)way, key, &v);
        same_row(m, &mk, &mv, rc, key, v);
    }
    mdb_cursor_close(mc);
    cursor_close(c);
    mdb_txn_abort(t.mt);
    map_close(&t);
}

CRM_TEST(test_kv_map__finds_keys_however_they_are_spread)
{
    uint64_t seed = crmtest_seed() + 12;
    unsigned count = (unsigned)crmtest_rounds(12000, 60000);
    uint8_t to[40];
    store s;

    store_make(&s, "store", SPREADS);
    for (unsigned way = 0; way < SPREADS; way++) {
        MDB_txn *mt;
        OK(mdb_txn_begin(s.env, NULL, 0, &mt));
        for (unsigned n = 0; n < count; n++) {
            crm__slice key = spread_key(way, n, to);
            MDB_val k = {key.n, to}, v = {key.n % 3 * 40, to};
            v.mv_size = v.mv_size > sizeof to ? sizeof to : v.mv_size;
            MUST(!mdb_put(mt, s.dbi[way], &k, &v, 0));
        }
        OK(mdb_txn_commit(mt));
        same_spread(&s, way, count, &seed, (unsigned)crmtest_rounds(2000, 20000));
    }
    store_close(&s);
}

/* ---- where a map begins ---- */

CRM_TEST(test_kv_map__finds_the_beginning_of_a_map)
{
    static const uint32_t SIZES[] = {512, 4096, 16384, 32768};
    enum { UNIT = 4096, PAGES = 8 };

    for (unsigned i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        uint32_t psize = SIZES[i];
        uint8_t *room, *base, *p;
        OK(posix_memalign((void **)&room, 65536, (size_t)PAGES * 32768 + UNIT));
        /* The map stands at a multiple of what the system maps, not of a page of the file. */
        base = room + UNIT;
        memset(room, 0x5a, (size_t)PAGES * 32768 + UNIT);
        p = base + 3 * (size_t)psize;
        memset(p, 0, psize);
        crm__put_le64(p, 3);
        crm__put_le16(p + 10, PAGE_LEAF);
        crm__put_le16(p + 12, PAGE_HEAD + 2);
        crm__put_le16(p + 14, (uint16_t)(psize - 64));
        crm__put_le16(p + PAGE_HEAD, (uint16_t)(psize - 64));
        crm__put_le32(p + psize - 64, 48);
        crm__put_le16(p + psize - 64 + 6, 8);
        ck_assert_ptr_eq(crm__map_base(p + psize - 64 + 16, psize, UNIT), base);
        ck_assert_ptr_null(crm__map_base(p + psize - 64 + 17, psize, UNIT));
        crm__put_le16(p + 10, PAGE_BRANCH);
        ck_assert_ptr_null(crm__map_base(p + psize - 64 + 16, psize, UNIT));
        free(room);
    }
}

/* ---- damaged files ---- */

CRM_TEST(test_kv_map__stays_inside_a_map_that_is_shorter_than_the_file)
{
    uint64_t seed = crmtest_seed() + 14, corrupt = 0;
    uint8_t buf[KV_KEY_MAX];
    map_tree tree;
    map_txn t;
    store s;

    store_make(&s, "store", 1);
    store_fill(&s, &seed, 4000, 4000, 200);
    map_open(&t, store_file(s.dir), 4096);
    OK(mdb_txn_begin(s.env, NULL, MDB_RDONLY, &t.mt));
    OK(tree_of(&t, KV_META, &tree));
    mdb_txn_abort(t.mt);
    OK(mprotect((void *)(uintptr_t)(t.file.base + t.file.most / 2 * 4096),
                t.bytes - t.file.most / 2 * 4096, PROT_NONE));
    t.file.most /= 2;
    for (uint64_t n = 0; n < 4000; n++) {
        crm__slice v;
        int rc = crm__map_get(&t.file, &tree, store_key(0, n, buf), &v);
        MUST(rc == CRM_OK || rc == CRM_ENOTFOUND || rc == CRM_ECORRUPT);
        corrupt += rc == CRM_ECORRUPT;
    }
    ck_assert_uint_gt(corrupt, 0);
    map_close(&t);
    store_close(&s);
}

static void inside(const map_txn *t, crm__slice s)
{
    MUST(s.p >= t->file.base && s.p <= t->file.base + (t->bytes - t->file.psize));
    MUST(s.n <= (size_t)(t->file.base + (t->bytes - t->file.psize) - s.p));
}

static int known(int rc)
{
    return rc == CRM_OK || rc == CRM_ENOTFOUND || rc == CRM_ECORRUPT;
}

/* The trees are the sound file's: damage lies below their roots, or in them. */
static uint64_t use_damaged(map_txn *t, const map_tree *tree, uint64_t *seed, uint64_t rows)
{
    uint8_t buf[KV_KEY_MAX];
    uint64_t corrupt = 0;
    crm__slice k, v;
    map_cursor c;

    crm__map_cursor_init(&c, &t->file, tree);
    for (int back = 0; back < 2; back++) {
        uint64_t steps = 0;
        int rc = crm__map_seek(&c, back ? KV_LAST : KV_FIRST, (crm__slice){NULL, 0}, &k, &v);
        for (; rc == CRM_OK; rc = crm__map_move(&c, back, &k, &v), steps++) {
            inside(t, k);
            inside(t, v);
            MUST(steps < rows * 1000);
        }
        MUST(known(rc));
        if (rc == CRM_ECORRUPT)
            MUST(crm__map_move(&c, back, &k, &v) == CRM_ECORRUPT || !c.broken);
        corrupt += rc == CRM_ECORRUPT;
    }
    for (unsigned i = 0; i < 60; i++) {
        crm__slice key = store_key(0, crmtest_below(seed, rows), buf);
        int rc = crm__map_get(&t->file, tree, key, &v);
        MUST(known(rc));
        if (!rc)
            inside(t, v);
        rc = crm__map_seek(&c, (kv_seek)(KV_GE + (int)crmtest_below(seed, 3)), key, &k, &v);
        MUST(known(rc));
        if (!rc) {
            inside(t, k);
            inside(t, v);
        }
        corrupt += rc == CRM_ECORRUPT;
    }
    return corrupt;
}

CRM_TEST(test_kv_map__stays_inside_a_damaged_file)
{
    uint64_t seed = crmtest_seed() + 13, corrupt = 0;
    unsigned rounds = (unsigned)crmtest_rounds(400, 20000);
    char path[4500];
    map_tree tree;
    map_txn t;
    store s;

    store_make(&s, "store", 1);
    store_work(&s, &seed, 3, 4000, 9000);
    memset(&t, 0, sizeof t);
    OK(mdb_txn_begin(s.env, NULL, MDB_RDONLY, &t.mt));
    OK(tree_of(&t, KV_META, &tree));
    mdb_txn_abort(t.mt);
    store_close(&s);
    snprintf(path, sizeof path, "%s/damaged", s.dir);
    for (unsigned i = 0; i < rounds; i++) {
        OK(damage_copy_file(store_file(s.dir), path));
        for (unsigned n = 0; n < 1 + i % 4; n++)
            (void)damage_file(path, (damage_kind)(i % DAMAGE_META), seed + i * 8 + n, NULL);
        map_open(&t, path, 4096);
        corrupt += use_damaged(&t, &tree, &seed, 8000);
        map_close(&t);
    }
    ck_assert_uint_gt(corrupt, rounds);
}
