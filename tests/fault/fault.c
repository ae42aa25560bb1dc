/* SPDX-License-Identifier: MIT
 * See fault.h: databases to begin from, the state of one, runs of a scenario with a fault in it.
 */
#include "fault.h"

#include "base/hash.h"
#include "damage.h"
#include "db/txn.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- databases ---- */

const char *fault_path(const char *name)
{
    if (!getenv("TMPDIR") && access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    return crmtest_path(name);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void fault_remove(const char *dir)
{
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void fault_copy(const char *from, const char *to)
{
    char a[512], b[512];

    fault_remove(to);
    ck_assert(mkdir(to, 0700) == 0);
    snprintf(a, sizeof a, "%s/data.mdb", from);
    snprintf(b, sizeof b, "%s/data.mdb", to);
    ck_assert_int_eq(damage_copy_file(a, b), 0);
}

#define MODEL_HEAD                                                                                 \
    "crm: 1\n"                                                                                     \
    "name: fault\n"                                                                                \
    "region: CN\n"                                                                                 \
    "currency: CNY\n"                                                                              \
    "fields:\n"                                                                                    \
    "  name: {type: text, required: true, max: 200, label: {en: [Name, Full name], zh: 姓名}}\n" \
    "  score: {type: integer, min: 0, default: 5}\n"                                               \
    "  credit: {type: money}\n"                                                                    \
    "  born: {type: date}\n"                                                                       \
    "  seen: {type: datetime}\n"                                                                   \
    "  vip: {type: boolean}\n"                                                                     \
    "  grade: {type: enum, values: {a: {en: First, zh: 一}, b: {en: Second}}}\n"                  \
    "  email: {type: email, list: true, identity: true}\n"                                         \
    "  phone: {type: phone, list: true, identity: true, label: {zh: 电话}}\n"                    \
    "  country: {type: country}\n"                                                                 \
    "  language: {type: language, index: values}\n"                                                \
    "  employer: {type: customer, kinds: [person]}\n"                                              \
    "  owner: {type: actor, index: values}\n"                                                      \
    "  notes: {type: text, max: 20000}\n"
#define MODEL_RATE "  rate: {type: decimal}\n"
#define MODEL_TAIL                                                                                 \
    "identities:\n"                                                                                \
    "  external: {type: text, per: source, unique: true}\n"                                        \
    "  member: {type: text, unique: true, pattern: '[A-Z]\\d+'}\n"                                 \
    "tags:\n"                                                                                      \
    "  region: {hierarchical: true, values: {cn: {zh: 中国}, cn/east: {zh: 华东}}}\n"          \
    "  value: {one: true, closed: true, values: [high, low]}\n"                                    \
    "  mood: {expires: true}\n"

const char FAULT_MODEL[] = MODEL_HEAD MODEL_RATE "  site: {type: url}\n"
                                                 "  nick: {type: text, list: true}\n" MODEL_TAIL;
const char FAULT_MODEL_MORE[] = MODEL_HEAD MODEL_RATE
    "  site: {type: url, index: values}\n"
    "  nick: {type: text, list: true, identity: true, label: {en: Nickname}}\n"
    "  badge: {type: text, unique: true}\n" MODEL_TAIL;
const char FAULT_MODEL_LESS[] = MODEL_HEAD "  nick: {type: text, list: true}\n" MODEL_TAIL;

int64_t fault_clock(void *ctx)
{
    (void)ctx;
    return INT64_C(1760000000000000);
}

crm_db *fault_open(const char *dir, const crm_db_options *opts)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    crm_db *db = NULL;

    if (opts)
        o = *opts;
    if (!o.test_clock)
        o.test_clock = fault_clock;
    fault_is(crm_db_open(dir, &o, &db, &err), CRM_OK, &err, "crm_db_open");
    return db;
}

void fault_is(int rc, int want, const crm_error *err, const char *what)
{
    ck_assert_msg(rc == want, "%s: %s, wanted %s: %s", what, crm_error_name(rc),
                  crm_error_name(want), err && rc < 0 ? err->message : "");
}

pid_t fault_fork(int (*fn)(void *ctx), void *ctx)
{
    pid_t pid;

    fflush(stdout);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(crmtest_seconds(60));
    _exit(fn(ctx));
}

int fault_ended(pid_t pid)
{
    int status;

    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void fault_kill_after(pid_t pid, uint64_t us)
{
    struct timespec t = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
    int end;

    nanosleep(&t, NULL);
    kill(pid, SIGKILL);
    end = fault_ended(pid);
    ck_assert_msg(end == 0 || end == -SIGKILL, "it ended with %d", end);
}

void fault_child(int (*fn)(void *ctx), void *ctx, int code, const char *what)
{
    int end = fault_ended(fault_fork(fn, ctx));

    ck_assert_msg(end == code, "%s: %s %d", what,
                  end >= 0 ? "it ended with exit code" : "it died by signal", abs(end));
}

static void base_customer(crm_txn *txn, int i)
{
    char json[1024];
    crm_error err = CRM_ERROR_INIT;
    crm_id id;
    int rc;

    snprintf(
        json, sizeof json,
        "{\"name\":\"客户 %d\",\"score\":%d,\"rate\":\"%d.50\",\"credit\":\"%d.00 EUR\","
        "\"born\":\"19%02d\",\"seen\":\"2026-01-02T03:04:05Z\",\"vip\":%s,\"grade\":\"%s\","
        "\"email\":[\"c%d@example.com\"],\"phone\":[\"138 0013 %04d\"],\"site\":"
        "\"https://example.com/%d\",\"country\":\"CN\",\"language\":\"zh\",\"owner\":\"li.na\","
        "\"nick\":[\"nick%d\",\"all\"],\"notes\":\"%0*d\",\"external\":[{\"source\":\"erp\","
        "\"value\":\"E%d\"}],\"member\":[\"M%d\"]%s}",
        i, i, i, i * 100, 10 + i % 90, i % 2 ? "true" : "false", i % 3 ? "a" : "b", i, i, i, i,
        1 + i * 7 % 300, 0, i, i, i > 1 ? ",\"employer\":1" : ",\"kind\":\"organisation\"");
    rc = crm_customer_create_json(txn, json, CRM_NUL, &id, &err);
    fault_is(rc, CRM_OK, &err, "crm_customer_create_json");
    ck_assert_uint_eq(id, (crm_id)i);
}

void fault_make_base(const char *dir)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_txn_options t = CRM_TXN_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    crm_txn *txn;
    crm_db *db;

    o.model = FAULT_MODEL;
    t.actor = "base";
    t.source = "erp";
    db = fault_open(dir, &o);
    for (int i = 1; i <= FAULT_CUSTOMERS; i += FAULT_CUSTOMERS / 4) {
        fault_is(crm_txn_begin(db, CRM_WRITE, &t, &txn, &err), CRM_OK, &err, "crm_txn_begin");
        for (int k = 0; k < FAULT_CUSTOMERS / 4; k++)
            base_customer(txn, i + k);
        fault_is(crm_customer_delete(txn, (crm_id)i + 3, 0, &err), CRM_OK, &err, "delete");
        fault_is(crm_txn_commit(txn, &err), CRM_OK, &err, "crm_txn_commit");
    }
    crm_db_close(db);
    fault_clean(dir, "base");
}

/* Salts are random, and commitments and the chain follow from them: those are left out. */
static uint64_t hash_row(uint64_t sum, int space, crm__slice v)
{
    crm__journal_entry e;
    crm__slice payload = {v.p, v.n - CRM__TAG_SIZE};

    if (space == KV_IMAGE && payload.n > 1 + CRM__SALT)
        return crm__hash64(sum, v.p + 1 + CRM__SALT, payload.n - 1 - CRM__SALT);
    if (space != KV_JOURNAL)
        return crm__hash64(sum, v.p, v.n);
    ck_assert_int_eq(crm__journal_decode(payload, &e), CRM_OK);
    sum = crm__hash64(sum, v.p, (size_t)(e.mask.p - v.p) + e.mask.n);
    sum = crm__hash64(sum, &e.counters, sizeof e.counters);
    for (int i = 0; i < CRM__BATCH_LISTS; i++)
        sum = crm__hash64(sum, e.lists[i].p, e.lists[i].n);
    return sum;
}

uint64_t fault_state(crm_db *db)
{
    kv_env *env = db->store->kv;
    crm_error err = CRM_ERROR_INIT;
    uint64_t sum = 1;
    kv_txn *txn;

    fault_is(env->ops->begin(env, 0, &txn, &err), CRM_OK, &err, "begin of the state");
    for (int space = 0; space < KV_SPACES; space++) {
        crm__slice k, v;
        kv_cursor *c;
        int rc = txn->ops->cursor(txn, (kv_space)space, &c);
        fault_is(rc, CRM_OK, NULL, "cursor of the state");
        rc = c->ops->seek(c, KV_FIRST, crm__slice_of(NULL, 0), &k, &v);
        for (; !rc; rc = c->ops->next(c, &k, &v)) {
            sum = crm__hash64(sum + (uint64_t)space, k.p, k.n);
            sum = hash_row(sum, space, v);
        }
        fault_is(rc, CRM_ENOTFOUND, NULL, "rows of the state");
        c->ops->cursor_close(c);
    }
    txn->ops->abort(txn);
    return sum;
}

static void show_fault(const crm_fault *fault, void *ctx)
{
    printf("%s: fault in %s, customer %llu, page %lld: %s\n", (const char *)ctx, fault->space,
           (unsigned long long)fault->customer, (long long)fault->page, fault->message);
    fflush(stdout);
}

void fault_clean(const char *dir, const char *when)
{
    crm_check_options o = CRM_CHECK_OPTIONS_INIT;
    crm_check_result res;
    crm_error err = CRM_ERROR_INIT;
    int rc;

    o.fault = show_fault;
    o.fault_ctx = (void *)(uintptr_t)when;
    rc = crm_check(dir, &o, sizeof res, &res, &err);
    ck_assert_msg(rc == CRM_OK && !res.faults, "%s: crm_check: %s: %s", when, crm_error_name(rc),
                  err.message);
}

/* ---- steps of a scenario ---- */

static const char ABORT_ONLY[] = "the transaction can only be aborted";

static int judge(fault_run *r, int rc, const char *what)
{
    ck_assert_msg(rc == r->code && r->way != FAULT_NONE, "%s, %s: %s gave %s: %s", r->scenario,
                  r->label, what, crm_error_name(rc), r->err.message);
    if (r->way == FAULT_RETRY && *r->failed == r->handled &&
        strncmp(r->err.message, ABORT_ONLY, sizeof ABORT_ONLY - 1) == 0)
        return FAULT_REDO;
    ck_assert_msg(r->way == FAULT_STICKY ? *r->failed > 0 : *r->failed > r->handled,
                  "%s, %s: %s gave %s although nothing failed: %s", r->scenario, r->label, what,
                  crm_error_name(rc), r->err.message);
    r->handled++;
    return r->way == FAULT_STICKY ? FAULT_STOP : FAULT_AGAIN;
}

int fault_step(fault_run *r, int rc, int want, const char *what)
{
    int held, go;

    if (rc == want)
        return FAULT_GO;
    held = oom_hold();
    go = judge(r, rc, what);
    oom_back(held);
    return go;
}

void fault_saw(fault_run *r, const void *p, size_t n)
{
    r->output = crm__hash64(r->output, p, n);
}

void fault_saw_number(fault_run *r, uint64_t v)
{
    fault_saw(r, &v, sizeof v);
}

void fault_saw_text(fault_run *r, const char *s)
{
    fault_saw(r, s, strlen(s));
}

void fault_drop(fault_run *r)
{
    crm_customer_list_close(r->it);
    crm_customer_free(r->c);
    crm_free(r->text);
    r->it = NULL;
    r->c = NULL;
    r->text = NULL;
}

static void committed(fault_run *r)
{
    r->commits++;
    SURE(r->commits < FAULT_STATES);
    if (r->keep_states)
        r->states[r->commits] = fault_state(r->db);
}

int fault_txn(fault_run *r, int mode, const crm_txn_options *opts, fault_body body)
{
    uint64_t output = r->output, before = r->commits;
    crm_txn *txn;
    int go = FAULT_AGAIN;

    while (go == FAULT_AGAIN || go == FAULT_REDO) {
        r->output = output;
        STEP(r, CRM_OK, crm_txn_begin(r->db, mode, opts, &txn, &r->err));
        go = body(r, txn);
        if (go != FAULT_GO) {
            fault_drop(r);
            crm_txn_abort(txn);
            if (go == FAULT_STOP)
                return go;
            continue;
        }
        go = fault_step(r, crm_txn_commit(txn, &r->err), CRM_OK, "crm_txn_commit");
        fault_drop(r);
    }
    if (go == FAULT_GO && mode == CRM_WRITE)
        committed(r);
    SURE(go == FAULT_STOP || mode == CRM_READ || r->commits == before + 1);
    return go;
}

typedef struct group_ctx {
    fault_run *r;
    fault_body body;
    uint64_t output;
} group_ctx;

static int in_group(crm_txn *txn, void *ctx)
{
    group_ctx *g = ctx;
    int go;

    g->r->output = g->output;
    go = g->body(g->r, txn);
    fault_drop(g->r);
    return go == FAULT_GO ? CRM_OK : g->r->code;
}

int fault_group(fault_run *r, const crm_txn_options *opts, fault_body body)
{
    group_ctx g = {r, body, r->output};

    STEP(r, CRM_OK, crm_db_write(r->db, opts, in_group, &g, &r->err));
    committed(r);
    return FAULT_GO;
}

/* ---- one run ---- */

/* The same handle works after the failure, and what it does can be dropped. */
static void usable(fault_run *r)
{
    crm_error err = CRM_ERROR_INIT;
    crm_txn *txn;
    crm_id id;

    int rc = crm_txn_begin(r->db, CRM_WRITE, NULL, &txn, &err);

    if (rc == CRM_EREADONLY)
        return;
    fault_is(rc, CRM_OK, &err, r->label);
    fault_is(crm_customer_create_json(txn, "{\"name\":\"after\"}", CRM_NUL, &id, &err), CRM_OK,
             &err, r->label);
    fault_is(crm_customer_delete(txn, id, 0, &err), CRM_OK, &err, r->label);
    ck_assert_int_eq(crm_txn_abort(txn), CRM_OK);
}

static void verify(fault_run *r, const fault_scenario *s, int go, const fault_run *plain, int check)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    crm_db *db = NULL;
    uint64_t state;
    int rc;

    if (plain && r->way == FAULT_RETRY) {
        ck_assert_msg(go == FAULT_GO, "%s, %s: stopped", s->name, r->label);
        ck_assert_msg(r->commits == plain->commits, "%s, %s: %llu commits", s->name, r->label,
                      (unsigned long long)r->commits);
        ck_assert_msg(r->output == plain->output, "%s, %s: calls gave something else back", s->name,
                      r->label);
    }
    o.flags = s->fresh && r->way == FAULT_STICKY ? CRM_NOCREATE : 0;
    o.test_clock = fault_clock;
    rc = crm_db_open(r->dir, &o, &db, &err);
    if (rc == CRM_ENOTFOUND && s->fresh && !r->commits)
        return;
    ck_assert_msg(rc == CRM_OK, "%s, %s: open afterwards: %s: %s", s->name, r->label,
                  crm_error_name(rc), err.message);
    state = fault_state(db);
    if (!plain)
        r->states[0] = r->commits ? r->states[0] : state;
    else if (!s->fresh)
        ck_assert_msg(state == plain->states[r->commits],
                      "%s, %s: not the state after %llu commits", s->name, r->label,
                      (unsigned long long)r->commits);
    crm_db_close(db);
    if (check)
        fault_clean(r->dir, r->label);
}

void fault_run_once(fault_run *r, const fault_scenario *s, const char *base, const char *dir,
                    const fault_source *src, const fault_run *plain, int check)
{
    int go;

    r->dir = dir;
    r->scenario = s->name;
    r->opts.size = sizeof r->opts;
    r->opts.test_clock = fault_clock;
    r->err = (crm_error)CRM_ERROR_INIT;
    if (s->fresh)
        fault_remove(dir);
    else
        fault_copy(base, dir);
    if (!plain && !s->fresh) {
        crm_db *db = fault_open(dir, NULL);
        r->states[0] = fault_state(db);
        crm_db_close(db);
    }
    if (src && src->arm)
        src->arm(src->ctx);
    go = s->fn(r);
    if (go == FAULT_STOP)
        SURE(r->way == FAULT_STICKY);
    fault_drop(r);
    if (src && src->disarm)
        src->disarm(src->ctx);
    if (go == FAULT_STOP && r->db)
        usable(r);
    crm_db_close(r->db);
    r->db = NULL;
    verify(r, s, go, plain, check);
}

int fault_code(uint64_t n, int *i)
{
    static const int CODES[FAULT_CODES] = {CRM_EIO,      CRM_EFULL,    CRM_ENOMEM,
                                           CRM_ECORRUPT, CRM_EREADERS, CRM_EPOISONED};
    int at = (*i)++;

    if (getenv("CRM_FULL"))
        return at < FAULT_CODES ? CODES[at] : 0;
    return at ? 0 : CODES[n % FAULT_CODES];
}

int fault_wanted(uint64_t n, uint64_t all, uint64_t step)
{
    if (getenv("CRM_FULL"))
        return 1;
    if (getenv("CRM_SHORT"))
        return n <= all / 60 || n % (9 * step) == 0;
    return n <= all / 2 || n % (2 * step) == 0;
}

/* 0: there is no such call. */
static int fail_one(const char *dir, const char *file, fault_reader fn, kv_fault_plan *plan,
                    uint64_t at)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    char part[600];
    crm_db *db;
    int rc;

    o.flags = CRM_READONLY;
    o.test_fault = plan;
    fault_is(crm_db_open(dir, &o, &db, &err), CRM_OK, &err, "open");
    plan->after = plan->count + at;
    rc = fn(db, file, &err);
    plan->after = 0;
    crm_db_close(db);
    if (!plan->failed) {
        fault_is(rc, CRM_OK, &err, "work without a fault");
        return 0;
    }
    fault_is(rc, plan->code, &err, "work with a fault");
    snprintf(part, sizeof part, "%s.crm-part", file);
    ck_assert_int_ne(access(file, F_OK), 0);
    ck_assert_int_ne(access(part, F_OK), 0);
    return 1;
}

void fault_reading(const char *dir, const char *file, fault_reader fn, unsigned call, unsigned step,
                   uint64_t *tried)
{
    uint64_t failed = 0;
    int more = 1;

    for (uint64_t at = 1; more; at += step) {
        int code, k = 0;
        while (more && (code = fault_code((*tried)++, &k)) != 0) {
            kv_fault_plan plan = {.calls = call, .code = code};
            more = fail_one(dir, file, fn, &plan, at);
        }
        failed += (uint64_t)more;
    }
    ck_assert_uint_gt(failed, 0);
}
