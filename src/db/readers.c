/* SPDX-License-Identifier: MIT
 * Watch over readers: clears the slots of dead ones, and tells of old ones, which make the file
 * grow. The engine knows which commit a reader sees, not since when; so the age counts from the
 * first time a reader is seen on a commit, and is a lower bound.
 */
#include "db/txn.h"

#include "base/time.h"

#include <string.h>

enum { WATCH_EVERY_US = 1000000, WATCHED = 256 };

struct crm__watch {
    pthread_mutex_t lock;
    int64_t last;
    uint32_t count;
    struct {
        kv_reader reader;
        int64_t since;
        int seen;
    } row[WATCHED];
};

typedef struct look {
    crm__watch *watch;
    int64_t now;
} look;

int crm__watch_new(const crm_allocator *mem, crm__watch **out)
{
    *out = crm__calloc(mem, 1, sizeof **out);
    return *out && !pthread_mutex_init(&(*out)->lock, NULL) ? CRM_OK : CRM_ENOMEM;
}

void crm__watch_free(const crm_allocator *mem, crm__watch *w)
{
    if (w)
        pthread_mutex_destroy(&w->lock);
    crm__release(mem, w);
}

static void see(const kv_reader *reader, void *ctx)
{
    look *l = ctx;
    crm__watch *w = l->watch;

    for (uint32_t i = 0; i < w->count; i++) {
        if (w->row[i].reader.pid == reader->pid && w->row[i].reader.commit == reader->commit) {
            w->row[i].seen = 1;
            return;
        }
    }
    if (w->count == WATCHED)
        return;
    w->row[w->count].reader = *reader;
    w->row[w->count].since = l->now;
    w->row[w->count++].seen = 1;
}

static void report(crm_db *db, const kv_reader *reader, int64_t age)
{
    if (db->old_reader)
        db->old_reader(reader->pid, age, db->old_reader_ctx);
    else
        crm__db_log(db, CRM_LOG_WARN, "process %lld has held a read transaction for %lld ms",
                    (long long)reader->pid, (long long)(age / 1000));
}

void crm__readers_watch(crm_db *db)
{
    crm__watch *w = db->store->watch;
    kv_env *kv = db->store->kv;
    look l = {w, crm__clock_mono()};
    kv_reader old[WATCHED];
    int64_t age[WATCHED];
    uint32_t kept = 0, told = 0;
    int64_t every = WATCH_EVERY_US;
    int dead;

    if (db->max_reader_age && db->max_reader_age < every)
        every = db->max_reader_age;
    if (pthread_mutex_trylock(&w->lock))
        return;
    if (w->last && l.now - w->last < every) {
        pthread_mutex_unlock(&w->lock);
        return;
    }
    w->last = l.now;
    kv->ops->clear_stale(kv, &dead);
    if (db->max_reader_age) {
        for (uint32_t i = 0; i < w->count; i++)
            w->row[i].seen = 0;
        kv->ops->readers(kv, see, &l);
        for (uint32_t i = 0; i < w->count; i++) {
            if (!w->row[i].seen)
                continue;
            if (l.now - w->row[i].since >= db->max_reader_age) {
                old[told] = w->row[i].reader;
                age[told++] = l.now - w->row[i].since;
            }
            w->row[kept++] = w->row[i];
        }
        w->count = kept;
    }
    pthread_mutex_unlock(&w->lock);
    for (uint32_t i = 0; i < told; i++)
        report(db, &old[i], age[i]);
}
