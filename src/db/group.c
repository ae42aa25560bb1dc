/* SPDX-License-Identifier: MIT
 * The writer's gate of this process, and the group commit of crm_db_write().
 *
 * One holder at a time: an explicit transaction, or a group.  The first caller of crm_db_write()
 * that finds the gate free leads a group: it begins the engine's transaction on its own thread,
 * runs its function, then hands the baton to the next caller in the queue, which runs its function
 * on its own thread inside the leader's transaction and hands on; when the queue is empty the
 * leader commits for all.  While it waits for the disk the next group gathers.
 *
 * A small function takes less time than a change of threads.  So each member is woken twice and no
 * more, for its turn and for the end, and whoever is woken needs no lock (base/turn.h); the end is
 * told to all with one call, before the next group begins, which those who write on then join.
 *
 * A member keeps its edits until the group is durable.  If its function fails they are dropped.  If
 * the engine fails while they are applied, the leader aborts and applies the edits of the members
 * before it again.  If the commit fails, the members are committed one by one, up to the first that
 * fails: those behind it have seen its changes, so they fail with it.
 *
 * A thread may end inside its function, and its stack with it.  Nothing there is in use by others
 * but what a leader keeps, so whoever waits looks now and then whether the one that has the baton
 * still lives, and a member behind its function whether its leader does.  A leader whose member is
 * lost gives up the group, and with it the engine's lock; the gate stays closed in either case.
 */
#include "db/journal.h"
#include "db/live.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { GROUP_MEMBERS = 512, GROUP_BYTES = 32 << 20 };

/* Steps of a member: it waits in the queue; it leads a group; it runs inside one; the baton is back
 * with the leader. */
enum { WAIT = 0, LEAD, RUN, BACK };

typedef struct group {
    kv_txn *kv;
    crm__state state;
    int64_t recorded;
    uint64_t base; /* seq that the group began on */
    crm__member *leader;
    crm__member *applied, **applied_end; /* in order, kept for applying again */
    uint32_t members, number;
    size_t bytes;
    int broken; /* the engine failed under the last member's edits */
} group;

struct crm__member {
    crm__member *next;    /* in the queue */
    crm__member *applied; /* in the group */
    crm__turn turn;
    pthread_t thread;
    pid_t tid;
    int forked;
    group *group;
    crm_db *db;
    crm_txn *txn;
    crm_write_fn fn;
    void *ctx;
    int rc;
    crm_error err;
};

/* ---- gate ---- */

enum { LOOK_EVERY_S = 1 };

static int has_ended(pid_t tid)
{
    return syscall(SYS_tgkill, getpid(), tid, 0) && errno == ESRCH;
}

/* From here on nobody writes in this process.  Gate locked. */
static void lose(crm__gate *g)
{
    g->lost = 1;
    pthread_cond_broadcast(&g->freed);
}

/* Whether the holder's thread has ended inside its transaction.  Gate locked. */
static int owner_lost(crm__gate *g)
{
    if (g->busy && !g->lost && has_ended(g->tid))
        lose(g);
    return g->lost;
}

/* Waits for a signal, but not for ever for a thread that is no more.  Gate locked. */
static void wait_a_while(crm__gate *g)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += LOOK_EVERY_S;
    if (pthread_cond_timedwait(&g->freed, &g->lock, &until) == ETIMEDOUT)
        owner_lost(g);
}

static int fail_lost(crm_error *err)
{
    return crm__fail(err, CRM_EPOISONED,
                     "a thread of this process ended inside its write "
                     "transaction: only other processes can write");
}

/* Whether this thread holds the gate itself; another may have got a dead thread's handle.  Gate
 * locked. */
static int is_owner(crm__gate *g)
{
    return g->busy && pthread_equal(g->owner, pthread_self()) && !owner_lost(g);
}

int crm__gate_enter(crm__store *s, crm_error *err)
{
    crm__gate *g = &s->gate;
    int lost;

    pthread_mutex_lock(&g->lock);
    if (is_owner(g)) {
        pthread_mutex_unlock(&g->lock);
        return crm__fail(err, CRM_ESTATE,
                         "this thread already has a write transaction on the database");
    }
    g->waiting++;
    while (g->busy && !g->lost)
        wait_a_while(g);
    g->waiting--;
    if (!g->lost) {
        g->busy = 1;
        g->owner = pthread_self();
        g->tid = (pid_t)syscall(SYS_gettid);
    }
    lost = g->lost;
    pthread_mutex_unlock(&g->lock);
    return lost ? fail_lost(err) : CRM_OK;
}

static crm__member *pop(crm__gate *g)
{
    crm__member *m = g->first;

    if (m) {
        g->first = m->next;
        if (!g->first)
            g->last = NULL;
    }
    return m;
}

static void leave_queue(crm__gate *g, crm__member *self)
{
    crm__member **p = &g->first, *last = NULL;

    while (*p && *p != self) {
        last = *p;
        p = &last->next;
    }
    if (*p)
        *p = self->next;
    if (g->last == self)
        g->last = last;
}

static void give_to(crm__gate *g, const crm__member *m)
{
    g->owner = m->thread;
    g->tid = m->tid;
}

/* After a group, explicit transactions that wait come first; after one of those, the queue. */
static void leave(crm__gate *g, int was_group)
{
    crm__member *m = NULL;

    pthread_mutex_lock(&g->lock);
    if (g->lost) {
        pthread_mutex_unlock(&g->lock);
        return;
    }
    if (g->first && !(was_group && g->waiting)) {
        m = pop(g);
        give_to(g, m);
    } else {
        g->busy = 0;
        pthread_cond_signal(&g->freed);
    }
    pthread_mutex_unlock(&g->lock);
    if (m)
        crm__turn_set(&m->turn, LEAD);
}

void crm__gate_leave(crm__store *s)
{
    leave(&s->gate, 0);
}

/* Waits for a step other than `from`; 0: there will be none. */
static int next_step(crm__gate *g, crm__member *self, uint32_t from)
{
    int lost = 0;

    while (!lost && crm__turn_wait(&self->turn, from, LOOK_EVERY_S * 1000) == from) {
        pthread_mutex_lock(&g->lock);
        lost = owner_lost(g);
        if (lost)
            leave_queue(g, self);
        pthread_mutex_unlock(&g->lock);
    }
    return !lost;
}

/* ---- a group ---- */

/* Runs one member's function and applies its edits; on the member's own thread. */
static void run_member(group *g, crm__member *m)
{
    crm_txn *txn = m->txn;

    txn->kv = g->kv;
    txn->state = g->state;
    memset(txn->state.by, 0, sizeof txn->state.by); /* each member acts under names of its own */
    txn->state.batch_seq = txn->state.batch = 0;
    memset(txn->state.listed, 0, sizeof txn->state.listed);
    txn->recorded = g->recorded;
    txn->state_read = g->recorded != 0 || g->state.seq != 0 || g->state.counters.next_id != 0;
    txn->state.changed = 0;
    m->rc = crm__state_read(txn, &m->err);
    if (!m->rc && !g->applied)
        g->base = txn->state.seq;
    if (!m->rc && txn->recorded <= g->recorded)
        m->rc = crm__recorded_next(m->db, g->recorded, &txn->recorded, &m->err);
    if (!m->rc) {
        m->rc = m->fn(txn, m->ctx);
        if (crm__store_forked(m->db->store)) {
            m->forked =
                1; /* a child that came out of the function: nothing of the group is its own */
            m->rc = crm__fail(&m->err, CRM_EFORKED, "the handle was opened by a parent process");
            memset(txn->cursors, 0, sizeof txn->cursors);
            crm__txn_detach(txn);
            return;
        }
        if (m->rc >= 0 && txn->sticky.code)
            m->rc = txn->sticky.code;
        if (m->rc < 0 && !m->err.code) {
            if (txn->sticky.code)
                crm__fail_copy(&m->err, &txn->sticky);
            else
                crm__fail(&m->err, m->rc, "the function of crm_db_write() failed: %s",
                          crm_error_text(m->rc));
            m->err.code = m->rc;
        }
    }
    if (!m->rc)
        m->rc = crm__txn_settle(txn, &m->err);
    if (!m->rc && txn->state.changed)
        m->rc = crm__live_commit(txn, &m->err);
    if (!m->rc && txn->state.changed)
        m->rc = crm__journal_close(txn, &m->err);
    crm__txn_detach(txn);
    if (m->rc)
        return;
    if (txn->state.changed) {
        m->rc = crm__edits_apply(&txn->edits, g->kv, m->db->store->tag_key);
        if (m->rc) {
            crm__txn_fail(txn, m->rc, "can't write", &m->err);
            g->broken = 1;
            return;
        }
        g->bytes += crm__edits_bytes(&txn->edits);
    }
    g->state = txn->state;
    g->recorded = txn->recorded;
    *g->applied_end = m;
    g->applied_end = &m->applied;
}

/* Hands the baton to the next in the queue, or back to the leader. */
static void hand_on(crm__gate *gate, group *g)
{
    crm__member *m = NULL, *leader = g->leader;

    pthread_mutex_lock(&gate->lock);
    if (!g->broken && g->members < GROUP_MEMBERS && g->bytes < GROUP_BYTES)
        m = pop(gate);
    if (m) {
        g->members++;
        m->group = g;
    }
    give_to(gate, m ? m : leader);
    pthread_mutex_unlock(&gate->lock);
    /* After this the group, and all in it, may be gone. */
    if (m)
        crm__turn_set(&m->turn, RUN);
    else
        crm__turn_set(&leader->turn, BACK);
}

/* Between the end of one engine transaction and the begin of the next another process may write.
 * Edits that were made on an older state must not be applied then: their journal numbers are taken.
 */
static int same_ground(kv_txn *kv, uint64_t seq, crm_error *err)
{
    crm__slice k, v;
    kv_cursor *c;
    uint64_t last = 0;
    int rc = kv->ops->cursor(kv, KV_JOURNAL, &c);

    if (!rc) {
        rc = c->ops->seek(c, KV_LAST, crm__slice_of(NULL, 0), &k, &v);
        if (!rc && k.n == CRM__KEY_U64)
            last = crm__get_be64(k.p);
        c->ops->cursor_close(c);
    }
    if (rc && rc != CRM_ENOTFOUND)
        return crm__fail_sys(err, rc, kv->sys, "can't read the journal's last entry");
    return last == seq ? CRM_OK
                       : crm__fail(err, CRM_EBUSY,
                                   "another process wrote while a failed commit was made again");
}

/* Begins again and applies what the members before a failed one wanted. */
static int apply_again(crm__store *s, group *g, crm_error *err)
{
    int rc;

    g->kv->ops->abort(g->kv);
    g->kv = NULL;
    rc = s->kv->ops->begin(s->kv, 1, &g->kv, err);
    if (!rc)
        rc = same_ground(g->kv, g->base, err);
    for (crm__member *m = g->applied; m && !rc; m = m->applied) {
        if (!m->txn->state.changed)
            continue;
        m->txn->kv = g->kv;
        rc = crm__edits_apply(&m->txn->edits, g->kv, s->tag_key);
        if (rc)
            crm__txn_fail(m->txn, rc, "can't write", err);
    }
    return rc;
}

/* One member's edits in the engine transaction that has just begun. */
static int commit_one(crm__store *s, group *g, crm__member *m, uint64_t seq, crm_error *err)
{
    int rc = same_ground(g->kv, seq, err);

    m->txn->kv = g->kv;
    if (!rc) {
        rc = crm__edits_apply(&m->txn->edits, g->kv, s->tag_key);
        if (rc)
            crm__txn_fail(m->txn, rc, "can't write", err);
    }
    if (!rc)
        return g->kv->ops->commit(g->kv, err);
    g->kv->ops->abort(g->kv);
    return rc;
}

/* After a failed commit: each member by itself, up to the first that fails. */
static void commit_singly(crm__store *s, group *g, int rc, const crm_error *failed)
{
    crm_error err = *failed;
    int single = g->applied && !g->applied->applied;
    uint64_t seq = g->base;

    if (!single)
        rc = CRM_OK;
    for (crm__member *m = g->applied; m; m = m->applied) {
        if (!rc && m->txn->state.changed) {
            rc = s->kv->ops->begin(s->kv, 1, &g->kv, &err);
            if (!rc)
                rc = commit_one(s, g, m, seq, &err);
            seq = m->txn->state.seq;
        }
        m->rc = rc;
        if (rc)
            m->err = err;
    }
    g->kv = NULL;
}

static void commit_group(crm__store *s, group *g)
{
    crm_error err = CRM_ERROR_INIT;
    int rc, changed = 0;

    for (crm__member *m = g->applied; m; m = m->applied)
        changed |= m->txn->state.changed;
    if (!changed) {
        g->kv->ops->abort(g->kv);
        return;
    }
    rc = g->kv->ops->commit(g->kv, &err);
    g->kv = NULL;
    if (rc)
        commit_singly(s, g, rc, &err);
}

static void fail_applied(group *g, int rc, const crm_error *err)
{
    for (crm__member *m = g->applied; m; m = m->applied) {
        m->rc = rc;
        m->err = *err;
    }
}

/* Lets the others have the baton until all who wait had it.  1: all is applied. */
static int run_others(crm__store *s, group *g, crm__member *self)
{
    crm_error err = CRM_ERROR_INIT;
    int rc = CRM_OK;

    do {
        if (g->broken) {
            g->broken = 0;
            rc = apply_again(s, g, &err);
        }
        if (!rc) {
            crm__turn_set(&self->turn, LEAD);
            hand_on(&s->gate, g);
            if (!next_step(&s->gate, self, LEAD))
                rc = fail_lost(&err);
        }
    } while (!rc && g->broken);
    if (!rc)
        return 1;
    fail_applied(g, rc, &err);
    if (g->kv)
        g->kv->ops->abort(g->kv);
    return 0;
}

/* Leads a group on this thread; the gate is ours. */
static void lead(crm__store *s, crm__member *self)
{
    crm__gate *gate = &s->gate;
    group g;
    int others;

    memset(&g, 0, sizeof g);
    g.leader = self;
    g.applied_end = &g.applied;
    g.members = 1;
    g.number = atomic_load(&gate->bell.ends) + 1;
    self->group = &g;
    self->rc = s->kv->ops->begin(s->kv, 1, &g.kv, &self->err);
    if (self->rc) {
        leave(gate, 1);
        return;
    }
    run_member(&g, self);
    if (self->forked)
        return;
    if (run_others(s, &g, self))
        commit_group(s, &g);
    others = g.members > 1;
    crm__bell_end(&gate->bell); /* a member's memory may go from here on */
    if (others)
        crm__bell_ring(&gate->bell);
    leave(gate, 1);
}

/* Waits for a group's end; 0: its leader ended before. */
static int wait_end(crm__gate *g, uint32_t number, pid_t leader)
{
    while (!crm__bell_wait(&g->bell, number, LOOK_EVERY_S * 1000)) {
        /* A leader that is through may be gone too, but then there was the end. */
        if (!has_ended(leader) || crm__bell_ended(&g->bell, number))
            continue;
        pthread_mutex_lock(&g->lock);
        lose(g);
        pthread_mutex_unlock(&g->lock);
        return 0;
    }
    return 1;
}

/* Runs as a member of another's group and waits for its end. */
static void follow(crm__store *s, crm__member *self)
{
    group *g = self->group;
    uint32_t number = g->number;
    pid_t leader = g->leader->tid;
    int alone;

    run_member(g, self);
    if (self->forked)
        return;
    alone = self->rc != 0; /* nothing of it is in the group: no need to wait */
    hand_on(&s->gate, g);
    if (!alone && !wait_end(&s->gate, number, leader))
        self->rc = fail_lost(&self->err);
}

static int take_part(crm__store *s, crm__member *self)
{
    crm__gate *g = &s->gate;

    pthread_mutex_lock(&g->lock);
    if (is_owner(g)) {
        pthread_mutex_unlock(&g->lock);
        return crm__fail(&self->err, CRM_ESTATE,
                         "this thread already has a write transaction on the database");
    }
    if (g->lost) {
        pthread_mutex_unlock(&g->lock);
        return fail_lost(&self->err);
    }
    if (!g->busy && !g->waiting && !g->first) {
        g->busy = 1;
        give_to(g, self);
        crm__turn_set(&self->turn, LEAD);
    } else {
        if (g->last)
            g->last->next = self;
        else
            g->first = self;
        g->last = self;
    }
    pthread_mutex_unlock(&g->lock);
    if (!next_step(g, self, WAIT))
        return fail_lost(&self->err);
    if (crm__turn_step(&self->turn) == LEAD)
        lead(s, self);
    else
        follow(s, self);
    return self->rc;
}

int crm_db_write(crm_db *db, const crm_txn_options *opts, crm_write_fn fn, void *ctx,
                 crm_error *err)
{
    crm__member m;
    int rc = crm__db_enter(db, err);

    if (rc)
        return rc;
    if (!fn)
        return crm__fail_field(err, CRM_EINVAL, "fn", "fn is NULL");
    if (db->flags & CRM_READONLY || db->store->readonly)
        return crm__fail(err, CRM_EREADONLY, "the database was opened read-only");
    memset(&m, 0, sizeof m);
    crm_error_init(&m.err);
    m.thread = pthread_self();
    m.tid = (pid_t)syscall(SYS_gettid);
    m.db = db;
    m.fn = fn;
    m.ctx = ctx;
    rc = crm__txn_new(db, 1, opts, &m.txn, err);
    if (rc)
        return rc;
    m.txn->group = 1;
    crm__readers_watch(db);
    rc = take_part(db->store, &m);
    m.txn->kv = NULL;
    crm__txn_free(m.txn);
    return rc < 0 ? crm__fail_copy(err, &m.err) : rc;
}
