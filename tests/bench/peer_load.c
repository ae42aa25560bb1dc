/* SPDX-License-Identifier: MIT
 * crm_peer: customers, tags and events of the reference files into a database, and what a timeline
 * costs.
 *
 * Events stand in their file in order of time, so their customers come at random.  As a bulk import
 * does, they are sorted by customer first, by counting, and added a customer at a time; that is
 * part of the time told.  What waits for memory (the table of external ids, the rows of the file)
 * is asked for some rows ahead.
 */
#include "peer.h"

#include <inttypes.h>
#include <unistd.h>

enum { CHUNK_ROWS = 65536 }; /* ids that lie together: their tags are sets of one row each */
enum { AHEAD = 16 };         /* rows that are asked for before they are needed */
enum { EVENT_CELLS = 6, KINDS = 7, PAGE = 50, PAGES = 20000, PAGED = 1000, SAMPLE_STEP = 5000 };
enum { EXT = 0, KIND = 1, TIME = 2, AMOUNT = 3, PRODUCT = 4, POINTS = 5 };

/* The columns in their order; source and created_at are words of every document, so those two have
 * another key.  Phones are text: most of the made-up numbers of the data are valid in no country.
 * What is fast of events is so in the built-in model: amounts, scores, products of quotes and
 * orders.
 */
static const char MODEL[] =
    "crm: 1\n"
    "name: reference\n"
    "currency: CNY\n"
    "fields:\n"
    "  external_id: {type: text, identity: true, unique: true, required: true, index: sort}\n"
    "  name: {type: text}\n"
    "  email: {type: email, identity: true}\n"
    "  phone: {type: text, identity: true}\n"
    "  company: {type: text}\n"
    "  city: {type: text, index: values}\n"
    "  country: {type: country}\n"
    "  gender: {type: enum, values: {f: {en: F}, m: {en: M}, x: {en: X}}}\n"
    "  birth_date: {type: date}\n"
    "  lead_source: {type: text}\n"
    "  lifecycle: {type: enum, values: [lead, prospect, active, dormant, lost]}\n"
    "  score: {type: integer, min: 0, max: 1000}\n"
    "  first_seen: {type: datetime}\n"
    "tags:\n"
    "  region: {}\n"
    "  industry: {}\n"
    "  value: {}\n"
    "  behaviour: {}\n"
    "  channel: {}\n"
    "  product: {}\n"
    "  campaign: {}\n"
    "events:\n"
    "  visit:\n"
    "    attributes: {product: {type: text, max: 60}}\n"
    "  quote:\n"
    "    attributes:\n"
    "      amount: {type: money, min: 0, fast: true}\n"
    "      product: {type: text, max: 60, fast: true}\n"
    "  order:\n"
    "    attributes:\n"
    "      amount: {type: money, fast: true}\n"
    "      product: {type: text, max: 60, fast: true}\n"
    "  call:\n"
    "  email:\n"
    "  feedback:\n"
    "    attributes:\n"
    "      score: {type: integer, min: 0, max: 10, fast: true, required: true}\n"
    "      product: {type: text, max: 60}\n"
    "  ticket:\n"
    "    attributes: {product: {type: text, max: 60}}\n";
const char *const PEER_COLUMN[COLUMNS] = {
    "external_id", "name",       "email",       "phone",     "company", "city",       "country",
    "gender",      "birth_date", "lead_source", "lifecycle", "score",   "first_seen",
};

crm_field peer_field[COLUMNS];
static const char *const KIND_KEY[KINDS] = {"visit", "quote",    "order", "call",
                                            "email", "feedback", "ticket"};
static crm_event_kind kind[KINDS];
static crm_field attribute[KINDS][EVENT_CELLS]; /* by cell; number 0: the kind has none */

/* Parts of a load. */
enum { CUSTOMERS = 0, SORT, EVENTS, CLOSE, PARTS };

/* One load as it runs. */
typedef struct loading {
    const peer_options *o;
    crm_db *db;
    crm_txn *txn;
    uint64_t batch, changes, events;
    uint64_t part; /* changes a commit */
    double now_mb, part_mb[PARTS]; /* the most of the part that runs, and of those that ended */
    uint32_t *table, mask; /* number of an external id -> row + 1, open addressing */
    uint32_t *numbers;     /* of the rows */
    uint32_t *place;       /* events by customer: offsets into the file */
    uint32_t *end;         /* of each customer's events among them */
    cell text;             /* rows that were not read */
    uint64_t read;         /* rows that were */
    uint32_t customer;     /* of the event read last */
} loading;

static void remove_db(const char *dir)
{
    static const char *const FILES[] = {"data.mdb", "lock.mdb", "crm.lock"};
    char path[4096];

    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, FILES[i]);
        unlink(path);
    }
    rmdir(dir);
}

static void *take(size_t count, size_t each)
{
    void *p = calloc(count, each);

    if (!p)
        die("out of memory");
    return p;
}

static void find_kinds(crm_txn *txn)
{
    static const char *const KEY[EVENT_CELLS] = {
        [AMOUNT] = "amount", [PRODUCT] = "product", [POINTS] = "score"};

    for (int k = 0; k < KINDS; k++) {
        must(crm_event_kind_find(txn, KIND_KEY[k], CRM_NUL, &kind[k], &err), KIND_KEY[k]);
        for (int i = AMOUNT; i < EVENT_CELLS; i++) {
            if (crm_attribute_find(txn, &kind[k], KEY[i], CRM_NUL, &attribute[k][i], NULL))
                attribute[k][i].number = 0;
        }
    }
}

crm_db *peer_open(const char *dir)
{
    crm_db_options opts = CRM_DB_OPTIONS_INIT;
    crm_txn *txn;
    crm_db *db;

    opts.model = MODEL;
    must(crm_db_open(dir, &opts, &db, &err), "open");
    must(crm_txn_begin(db, CRM_READ, NULL, &txn, &err), "begin");
    for (int i = 0; i < COLUMNS; i++)
        must(crm_field_find(txn, PEER_COLUMN[i], CRM_NUL, &peer_field[i], &err), PEER_COLUMN[i]);
    find_kinds(txn);
    crm_txn_abort(txn);
    return db;
}

/* ---- transactions ---- */

static void sample(loading *l)
{
    double now = measure_private_mb();

    l->now_mb = now > l->now_mb ? now : l->now_mb;
}

static void begin(loading *l)
{
    crm_txn_options t = CRM_TXN_OPTIONS_INIT;

    if (!l->o->single)
        t.batch = l->batch ? l->batch : CRM_BATCH_NEW;
    must(crm_txn_begin(l->db, CRM_WRITE, &t, &l->txn, &err), "begin");
}

static void commit(loading *l)
{
    sample(l);
    if (!l->o->single)
        l->batch = crm_txn_batch(l->txn);
    must(crm_txn_commit(l->txn, &err), "commit");
    sample(l);
}

/* A change was made. */
static void count_change(loading *l)
{
    l->changes++;
    if (l->changes % SAMPLE_STEP == 0)
        sample(l);
    if (l->part && l->changes % l->part == 0) {
        commit(l);
        begin(l);
    }
}

/* ---- external ids ---- */

static uint32_t first_slot(const loading *l, uint32_t number)
{
    return (number ^ number >> 15) * 0x9E3779B1u & l->mask;
}

static uint32_t *slot_of(loading *l, uint32_t number)
{
    uint32_t at = first_slot(l, number);

    while (l->table[at] && l->numbers[l->table[at] - 1] != number)
        at = (at + 1) & l->mask;
    return &l->table[at];
}

static uint32_t number_of(cell id)
{
    uint32_t n = 0;

    for (size_t i = 1; i < id.n; i++)
        n = n * 10 + (uint32_t)(id.p[i] - '0');
    return n;
}

static uint32_t row_of(loading *l, uint32_t number)
{
    uint32_t row = *slot_of(l, number);

    if (!row)
        die("an event of an unknown customer");
    return row - 1;
}

/* ---- load ---- */

static void make_customer(void *ctx, peer_slot *slot)
{
    loading *l = ctx;

    must(crm_customer_new(l->txn, &slot->customer, &err), "record");
}

static int read_customer(void *ctx, peer_slot *slot)
{
    crm_error e = CRM_ERROR_INIT;
    loading *l = ctx;
    cell row[CELLS];

    if (!peer_row(&l->text, row, CELLS, slot->side))
        return 0;
    crm_customer_clear(slot->customer);
    for (int k = 0; k < COLUMNS; k++) {
        if (row[k].n && crm_customer_set(slot->customer, &peer_field[k], row[k].p, row[k].n, &e))
            die("%s: %s", PEER_COLUMN[k], e.message);
    }
    slot->number = number_of(row[0]);
    slot->tags = row[CELLS - 1];
    return 1;
}

static void load_customers(loading *l)
{
    cell all = peer_file(l->o->data, "customers.csv"), row[CELLS];
    char side[SIDE];
    peer_pipe *pipe;
    peer_slot *s;
    crm_id id;

    begin(l);
    l->part = l->o->part;
    l->text = all;
    peer_row(&l->text, row, CELLS, side);
    pipe = peer_pipe_open(make_customer, read_customer, l, l->o->alone);
    for (uint32_t i = 0; (s = peer_pipe_next(pipe)) != NULL; i++) {
        must(crm_customer_create(l->txn, s->customer, &id, &err), "create");
        if (id != i + 1)
            die("customer %" PRIu64 " is not the next one", (uint64_t)id);
        l->numbers[i] = s->number;
        *slot_of(l, l->numbers[i]) = i + 1;
        peer_tag_row(id, s->tags);
        if (id % CHUNK_ROWS == 0)
            peer_tag_flush(l->txn);
        count_change(l);
    }
    peer_pipe_close(pipe);
    peer_tag_flush(l->txn);
    commit(l);
    peer_file_end(all);
}

/* The row behind this one, or the end. */
static const char *behind(const char *p, const char *end)
{
    const char *line = memchr(p, '\n', (size_t)(end - p));

    return line ? line + 1 : end;
}

/* Numbers of the events' customers. */
static uint32_t *find_events(loading *l, cell all)
{
    const char *p = all.p, *end = all.p + all.n;
    uint32_t *numbers;
    size_t room = 0;

    if (all.n > UINT32_MAX || memchr(all.p, '"', all.n))
        die("the file of events is too large, or has quoted cells");
    for (; p < end; p = behind(p, end))
        room++;
    numbers = take(room + 1, sizeof *numbers);
    for (p = behind(all.p, end); p < end; p = behind(p, end)) {
        uint32_t number = 0;
        for (const char *digit = p + 1; *digit != ','; digit++)
            number = number * 10 + (uint32_t)(*digit - '0');
        numbers[l->events++] = number;
    }
    return numbers;
}

/* Numbers of customers become rows; what told them is not needed any more. */
static void find_rows(loading *l, uint32_t *numbers)
{
    for (uint64_t i = 0; i < l->events; i++) {
        if (i + 2 * AHEAD < l->events)
            __builtin_prefetch(&l->table[first_slot(l, numbers[i + 2 * AHEAD])]);
        if (i + AHEAD < l->events) {
            uint32_t row = l->table[first_slot(l, numbers[i + AHEAD])];
            __builtin_prefetch(&l->numbers[row - !!row]);
        }
        numbers[i] = row_of(l, numbers[i]);
    }
    sample(l);
    free(l->table);
    free(l->numbers);
    l->table = l->numbers = NULL;
}

static void sort_events(loading *l, cell all)
{
    uint32_t *row = find_events(l, all), *end;
    const char *p = all.p, *last = all.p + all.n;

    find_rows(l, row);
    l->place = take(l->events + 1, sizeof *l->place);
    end = l->o->by_time ? NULL : take(peer_size + 1, sizeof *end);
    for (uint64_t i = 0; i < l->events && end; i++)
        end[row[i] + 1]++;
    for (uint64_t i = 0; i < peer_size && end; i++)
        end[i + 1] += end[i];
    for (uint64_t i = 0; i < l->events; i++) {
        p = behind(p, last);
        l->place[end ? end[row[i]]++ : i] = (uint32_t)(p - all.p);
    }
    sample(l);
    l->end = end ? end : row;
    if (end)
        free(row);
}

static int two(const char *p)
{
    return (p[0] - '0') * 10 + (p[1] - '0');
}

/* 2026-01-01T00:00:00Z */
static int64_t micros(cell t)
{
    int y = two(t.p) * 100 + two(t.p + 2), m = two(t.p + 5), d = two(t.p + 8);
    int64_t days;

    y -= m <= 2;
    m += m <= 2 ? 9 : -3; /* from March */
    days = 365 * (int64_t)y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + d - 1 - 719468;
    return (days * 86400 + two(t.p + 11) * 3600 + two(t.p + 14) * 60 + two(t.p + 17)) * 1000000;
}

static void make_event(void *ctx, peer_slot *slot)
{
    loading *l = ctx;

    must(crm_event_new(l->txn, &slot->event, &err), "event");
}

static void set_event(crm_event *to, const cell row[EVENT_CELLS])
{
    crm_error e = CRM_ERROR_INIT;
    int k = 0, rc;

    while (k < KINDS && (strlen(KIND_KEY[k]) != row[KIND].n ||
                         memcmp(KIND_KEY[k], row[KIND].p, row[KIND].n) != 0))
        k++;
    if (k == KINDS)
        die("an unknown kind of events");
    crm_event_clear(to);
    rc = crm_event_set_kind(to, &kind[k], &e);
    if (!rc)
        rc = crm_event_set_time(to, micros(row[TIME]), &e);
    for (int i = AMOUNT; i < EVENT_CELLS && !rc; i++) {
        if (!row[i].n)
            continue;
        if (!attribute[k][i].number)
            die("%s: a value that the model has no attribute for", KIND_KEY[k]);
        rc = crm_event_set(to, &attribute[k][i], row[i].p, row[i].n, &e);
    }
    if (rc)
        die("%s: %s", KIND_KEY[k], e.message);
}

static int read_event(void *ctx, peer_slot *slot)
{
    loading *l = ctx;
    uint64_t i = l->read++;
    cell row[EVENT_CELLS], text;

    if (i >= l->events)
        return 0;
    if (i + AHEAD < l->events) {
        __builtin_prefetch(l->text.p + l->place[i + AHEAD]);
        __builtin_prefetch(l->text.p + l->place[i + AHEAD] + 63);
    }
    if (l->o->by_time)
        l->customer = l->end[i];
    while (!l->o->by_time && l->end[l->customer] == i)
        l->customer++;
    slot->number = l->customer;
    text = (cell){l->text.p + l->place[i], l->text.n - l->place[i]};
    peer_row(&text, row, EVENT_CELLS, slot->side);
    set_event(slot->event, row);
    return 1;
}

static void load_events(loading *l, cell all)
{
    peer_pipe *pipe;
    peer_slot *s;

    begin(l);
    l->part = l->o->event_part;
    l->changes = 0;
    l->text = all;
    pipe = peer_pipe_open(make_event, read_event, l, l->o->alone);
    while ((s = peer_pipe_next(pipe)) != NULL) {
        must(crm_event_add(l->txn, s->number + 1, s->event, NULL, &err), "add");
        count_change(l);
    }
    peer_pipe_close(pipe);
    commit(l);
}

static void load(const peer_options *o, loading *l, double parts[PARTS], double cpu[PARTS])
{
    double at[PARTS + 1], used[PARTS + 1];
    cell all = {NULL, 0};

    remove_db(o->dir);
    at[0] = measure_now();
    used[0] = measure_cpu();
    memset(l, 0, sizeof *l);
    l->o = o;
    for (l->mask = 15; l->mask < 2 * peer_size; l->mask = l->mask * 2 + 1)
        ;
    l->table = take((size_t)l->mask + 1, sizeof *l->table);
    l->numbers = take(peer_size + 1, sizeof *l->numbers);
    l->db = peer_open(o->dir);
    for (int i = 0; i < PARTS; i++) {
        if (i == CUSTOMERS)
            load_customers(l);
        if (i == SORT && !o->customers)
            sort_events(l, all = peer_file(o->data, "events.csv"));
        if (i == EVENTS && !o->customers)
            load_events(l, all);
        if (i == CLOSE)
            crm_db_close(l->db);
        l->part_mb[i] = l->now_mb;
        l->now_mb = 0;
        at[i + 1] = measure_now();
        used[i + 1] = measure_cpu();
        parts[i] = at[i + 1] - at[i];
        cpu[i] = used[i + 1] - used[i];
    }
    if (all.p)
        peer_file_end(all);
    free(l->table);
    free(l->numbers);
    free(l->place);
    free(l->end);
}

/* Bytes of pages by space, and those of an event. */
static void tell_sizes(const peer_options *o, uint64_t events)
{
    crm_db *db = peer_open(o->dir);
    crm_space_stat s;
    crm_db_stat stat;
    size_t pos = 0;
    char name[64];

    must(crm_db_stat_get(db, sizeof stat, &stat, &err), "stat");
    emit_one(events ? "size_customers_events" : "size_customers", (double)stat.file_bytes / 1e6,
             "MB");
    while (crm_db_space_next(db, &pos, &s, &err) == CRM_OK) {
        if (!s.bytes)
            continue;
        snprintf(name, sizeof name, "size/%s", s.name);
        emit_one(name, (double)s.bytes / 1e6, "MB");
        if (events && (strcmp(s.name, "event") == 0 || strcmp(s.name, "day") == 0)) {
            snprintf(name, sizeof name, "event_bytes/%s", s.name);
            emit_one(name, (double)s.bytes / (double)events, "B/event");
        }
    }
    crm_db_close(db);
}

void peer_loads(const peer_options *o)
{
    const char *name = o->customers ? "load_customers" : "load_customers_events";
    double parts[PARTS], cpu[PARTS], total = 0, private_mb = 0;
    series s = {{0}, 0};
    char extra[640], op[64];
    loading l;

    for (int i = 0; i < o->loads; i++) {
        load(o, &l, parts, cpu);
        total = 0;
        for (int k = 0; k < PARTS; k++)
            total += parts[k];
        series_add(&s, total);
        for (int k = 0; k < PARTS; k++)
            private_mb = l.part_mb[k] > private_mb ? l.part_mb[k] : private_mb;
    }
    if (!s.n)
        return;
    snprintf(extra, sizeof extra,
             ",\"last_parts_s\":{\"customers\":%.2f,\"sort\":%.2f,\"events\":%.2f,\"close\":%.2f},"
             "\"last_cpu_s\":{\"customers\":%.2f,\"sort\":%.2f,\"events\":%.2f},"
             "\"last_private_mb\":{\"customers\":%.0f,\"sort\":%.0f,\"events\":%.0f},"
             "\"threads\":%d,\"journal\":\"%s\",\"commit_each\":[%" PRIu64 ",%" PRIu64
             "],\"left_out\":\"consents%s\"",
             parts[CUSTOMERS], parts[SORT], parts[EVENTS], parts[CLOSE], cpu[CUSTOMERS], cpu[SORT],
             cpu[EVENTS], l.part_mb[CUSTOMERS], l.part_mb[SORT], l.part_mb[EVENTS],
             o->alone ? 1 : 2, o->single ? "an entry a change" : "one batch", o->part, o->event_part,
             o->customers ? ", events" : "");
    emit(name, 1, &s, "s", "", extra);
    snprintf(op, sizeof op, "rss_%s", name);
    emit_one(op, measure_peak_mb(), "MB");
    snprintf(op, sizeof op, "private_%s", name);
    emit_one(op, private_mb, "MB");
    tell_sizes(o, l.events);
}

/* ---- timelines ---- */

/* The first page of a timeline with 50 events or more, which an application shows of a customer. */
void peer_events(crm_db *db, const peer_options *o)
{
    crm_event_list_options opts = CRM_EVENT_LIST_OPTIONS_INIT;
    crm_id *ids = take(PAGED, sizeof *ids);
    series s = {{0}, 0};
    char result[64] = "";
    size_t found = 0;
    crm_txn *txn;

    opts.limit = PAGE;
    must(crm_txn_begin(db, CRM_READ, NULL, &txn, &err), "begin");
    for (uint64_t i = 0; i < peer_size && found < PAGED; i++) {
        crm_id id = 1 + i * 2654435761u % peer_size; /* a prime: each customer once */
        uint64_t count = 0;
        must(crm_event_count(txn, id, NULL, &count, &err), "count");
        if (count >= PAGE)
            ids[found++] = id;
    }
    for (int run = -1; run < o->runs && found; run++) {
        double start = measure_now();
        uint64_t seen = 0;
        for (size_t i = 0; i < PAGES; i++) {
            crm_event_iter *it;
            crm_event *e;
            must(crm_event_list(txn, ids[i % found], &opts, &it, &err), "list");
            while (crm_event_next(it, &e, &err) == CRM_OK)
                seen += crm_event_time_us(e) > 0;
            crm_event_list_close(it);
        }
        if (run >= 0)
            series_add(&s, (measure_now() - start) * 1e6 / PAGES);
        snprintf(result, sizeof result, "%" PRIu64, seen);
    }
    if (found)
        emit("timeline_50", PAGES, &s, "us/op", result, NULL);
    crm_txn_abort(txn);
    free(ids);
}
