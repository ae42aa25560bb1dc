/* SPDX-License-Identifier: MIT
 * Data files made by LMDB.
 */
#include "page_make.h"

#include "base/bytes.h"
#include "ok.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void store_make(store *s, const char *name, unsigned spaces)
{
    MDB_txn *txn;

    snprintf(s->dir, sizeof s->dir, "%s", crmtest_path(name));
    OK(mkdir(s->dir, 0700));
    OK(mdb_env_create(&s->env));
    OK(mdb_env_set_maxdbs(s->env, 32));
    OK(mdb_env_set_mapsize(s->env, (size_t)1 << 30));
    OK(mdb_env_open(s->env, s->dir, MDB_NOTLS | MDB_NOSYNC, 0600));
    OK(mdb_txn_begin(s->env, NULL, 0, &txn));
    memset(s->dbi, 0, sizeof s->dbi);
    for (unsigned i = 0; i < spaces; i++)
        OK(mdb_dbi_open(txn, crm__kv_space_name((kv_space)i), MDB_CREATE, &s->dbi[i]));
    OK(mdb_txn_commit(txn));
}

void store_close(store *s)
{
    mdb_env_close(s->env);
}

const char *store_file(const char *dir)
{
    static char path[4400];

    snprintf(path, sizeof path, "%s/data.mdb", dir);
    return path;
}

crm__slice store_key(unsigned space, uint64_t n, uint8_t to[KV_KEY_MAX])
{
    uint64_t state = n * 64 + space;
    size_t len = crmtest_below(&state, 8) ? 1 + crmtest_below(&state, 24)
                                          : 1 + crmtest_below(&state, KV_KEY_MAX);

    if (crmtest_below(&state, 200) == 0)
        len = KV_KEY_MAX;
    for (size_t i = 0; i < len; i++)
        to[i] = (uint8_t)(crmtest_below(&state, 2) ? crmtest_rand(&state) : 0xff * (i & 1));
    return (crm__slice){to, len};
}

void store_fill(store *s, uint64_t *seed, unsigned rows, unsigned keys, size_t value_max)
{
    static uint8_t value[1 << 20];
    uint8_t key[KV_KEY_MAX];
    MDB_txn *txn;

    ck_assert_uint_lt(value_max, sizeof value);
    OK(mdb_txn_begin(s->env, NULL, 0, &txn));
    for (unsigned i = 0; i < rows; i++) {
        unsigned space = (unsigned)crmtest_below(seed, KV_SPACES);
        crm__slice k = store_key(space, crmtest_below(seed, keys), key);
        uint64_t most = crmtest_below(seed, 10) ? (value_max < 200 ? value_max : 200) : value_max;
        size_t n = (size_t)crmtest_below(seed, most + 1);
        MDB_val mk = {k.n, key}, mv = {n, value};
        if (!s->dbi[space])
            continue;
        for (size_t j = 0; j < n; j += 8) {
            uint64_t r = crmtest_rand(seed);
            memcpy(value + j, &r, 8);
        }
        MUST(!mdb_put(txn, s->dbi[space], &mk, &mv, 0));
    }
    OK(mdb_txn_commit(txn));
}

void store_thin(store *s, uint64_t *seed, unsigned percent)
{
    MDB_txn *txn;
    MDB_cursor *c;
    MDB_val k, v;

    OK(mdb_txn_begin(s->env, NULL, 0, &txn));
    for (unsigned i = 0; i < KV_SPACES && s->dbi[i]; i++) {
        OK(mdb_cursor_open(txn, s->dbi[i], &c));
        for (int rc = mdb_cursor_get(c, &k, &v, MDB_FIRST); !rc;
             rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) {
            if (crmtest_below(seed, 100) < percent)
                MUST(!mdb_cursor_del(c, 0));
        }
        mdb_cursor_close(c);
    }
    OK(mdb_txn_commit(txn));
}

void store_work(store *s, uint64_t *seed, unsigned commits, unsigned rows, size_t value_max)
{
    for (unsigned i = 0; i < commits; i++) {
        store_fill(s, seed, rows, rows * 2, value_max);
        if (i % 3 == 1)
            store_thin(s, seed, (unsigned)crmtest_below(seed, 90));
    }
}

kv_txn *page_begin(const char *dir)
{
    crm_error err = CRM_ERROR_INIT;
    kv_env *env;
    kv_txn *txn;

    ck_assert_msg(crm__kv_page_open(dir, NULL, &env, &err) == CRM_OK, "%s", err.message);
    ck_assert_msg(env->ops->begin(env, 0, &txn, &err) == CRM_OK, "%s", err.message);
    return txn;
}

void page_end(kv_txn *txn)
{
    kv_env *env = txn->env;

    txn->ops->abort(txn);
    env->ops->close(env);
}

static void note_fault(const char *what, int64_t page, const char *space, void *ctx)
{
    walk_log *log = ctx;

    if (!log->handed)
        snprintf(log->first, sizeof log->first, "page %lld (%s) %s", (long long)page,
                 space ? space : "-", what);
    if (log->handed < 1000)
        log->pages[log->handed] = page;
    log->handed++;
}

uint64_t walk_faults(kv_txn *txn, walk_log *log, kv_page_summary *out)
{
    crm_error err = CRM_ERROR_INIT;

    memset(log, 0, sizeof *log);
    ck_assert_msg(crm__kv_page_walk(txn, note_fault, NULL, log, out, &err) == CRM_OK, "%s",
                  err.message);
    ck_assert_uint_eq(log->handed, out->faults < 1000 ? out->faults : 1000);
    return out->faults;
}

/* ---- roles ---- */

static void map_tree(page_map *m, uint64_t pgno, const char *space, int main)
{
    const uint8_t *p = m->bytes + pgno * 4096;
    unsigned leaf = p[10] == 2, n = (crm__get_le16(p + 12) - 16u) / 2;

    MUST(pgno < m->pages && crm__get_le64(p) == pgno);
    m->role[pgno] = leaf ? ROLE_LEAF : ROLE_BRANCH;
    m->space[pgno] = space;
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *node = p + crm__get_le16(p + 16 + 2 * i);
        const uint8_t *data = node + 8 + crm__get_le16(node + 6);
        uint64_t run = crm__get_le64(data);
        if (!leaf) {
            map_tree(m, crm__get_le32(node) | (uint64_t)crm__get_le16(node + 4) << 32, space, main);
        } else if (node[4] == 1) {
            uint32_t pages = crm__get_le32(m->bytes + run * 4096 + 12);
            for (uint32_t j = 0; j < pages; j++) {
                m->role[run + j] = j ? ROLE_INSIDE : ROLE_RUN;
                m->space[run + j] = space;
            }
        } else if (main && node[4] == 2 && crm__get_le64(data + 40) != UINT64_MAX) {
            const char *name = "?";
            for (int s = 0; s < KV_SPACES; s++) {
                const char *of = crm__kv_space_name((kv_space)s);
                if (strlen(of) == node[6] && !memcmp(of, node + 8, node[6]))
                    name = of;
            }
            map_tree(m, crm__get_le64(data + 40), name, 0);
        }
    }
}

void page_map_read(page_map *m, const char *dir)
{
    FILE *f = fopen(store_file(dir), "rb");
    const uint8_t *meta;
    struct stat st;

    ck_assert_ptr_nonnull(f);
    OK(fstat(fileno(f), &st));
    m->size = (size_t)st.st_size;
    m->pages = m->size / 4096;
    m->bytes = malloc(m->size);
    m->role = calloc(m->pages, sizeof *m->role);
    m->space = calloc(m->pages, sizeof *m->space);
    ck_assert(m->bytes && m->role && m->space);
    ck_assert_uint_eq(fread(m->bytes, 1, m->size, f), m->size);
    fclose(f);
    m->role[0] = m->role[1] = ROLE_META;
    meta = m->bytes + 16;
    if (crm__get_le64(meta + 4096 + 128) > crm__get_le64(meta + 128))
        meta += 4096;
    if (crm__get_le64(meta + 24 + 40) != UINT64_MAX)
        map_tree(m, crm__get_le64(meta + 24 + 40), "free list", 0);
    if (crm__get_le64(meta + 72 + 40) != UINT64_MAX)
        map_tree(m, crm__get_le64(meta + 72 + 40), "main", 1);
}

void page_map_free(page_map *m)
{
    free(m->bytes);
    free(m->role);
    free(m->space);
}
