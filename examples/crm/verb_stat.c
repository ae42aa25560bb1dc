/* SPDX-License-Identifier: MIT
 * crm stat: counts and sizes.
 */
#include "tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "Usage: " TOOL " stat [--json]\n"
    "\n"
    "Prints how many customers there are, and where the space goes: the file, and each space\n"
    "of the storage with its share of them. Derived spaces can be rebuilt from the others\n"
    "('" TOOL " check --repair'). Rows are values as they are stored: one of identity, event,\n"
    "bits, column and day is a block that holds many.\n"
    "\n"
    "Old readers keep pages from being used again: the oldest is shown with its process and\n"
    "the number of commits since. Imports that were cut short are told: '" TOOL " import\n"
    "--resume FILE' goes on with one, '" TOOL " undo BATCH' takes it back.\n"
    "\n"
    "Examples\n"
    "  " TOOL " stat\n"
    "  " TOOL " -C 门店.db stat --json\n";

static void line(buf *b, const char *name)
{
    buf_str(b, name);
    text_pad(b, 16 - strlen(name));
}

static void count_line(buf *b, const char *name, uint64_t n)
{
    line(b, name);
    buf_count(b, n);
    buf_char(b, '\n');
}

static void size_line(buf *b, const char *name, uint64_t n)
{
    line(b, name);
    buf_size(b, n);
    buf_char(b, '\n');
}

/* Percent with one digit behind the point; what is there is never none. */
static const char *share(uint64_t part, uint64_t of, char text[16])
{
    uint64_t tenths = of ? (uint64_t)((double)part / (double)of * 1000 + 0.5) : 0;

    if (!tenths && part)
        return "< 0.1";
    snprintf(text, 16, "%u.%u", (unsigned)(tenths / 10), (unsigned)(tenths % 10));
    return text;
}

static void put_stat(tool *t, const crm_db_stat *s)
{
    char percent[16];
    buf b = {0};

    line(&b, "database");
    text_clean(&b, t->path, strlen(t->path));
    buf_char(&b, '\n');
    count_line(&b, "customers", s->customers);
    count_line(&b, "deleted", s->deleted);
    count_line(&b, "revision", s->revision);
    line(&b, "last change");
    if (s->recorded_us)
        buf_time(&b, s->recorded_us);
    else
        buf_str(&b, "none");
    buf_char(&b, '\n');
    line(&b, "model version");
    buf_fmt(&b, "%u%s\n", s->model_version, s->model_version ? "" : " (built-in)");
    size_line(&b, "file", s->file_bytes);
    size_line(&b, "  holding data", s->data_bytes);
    size_line(&b, "  to use again", s->free_bytes);
    line(&b, "map");
    buf_size(&b, s->map_bytes);
    buf_fmt(&b, ", %s%% in use\n", share(s->file_bytes, s->map_bytes, percent));
    line(&b, "readers");
    buf_count(&b, s->readers);
    buf_str(&b, " of ");
    buf_count(&b, s->max_readers);
    buf_char(&b, '\n');
    if (s->oldest_reader_commits) {
        line(&b, "oldest reader");
        buf_count(&b, s->oldest_reader_commits);
        buf_str(&b, s->oldest_reader_commits == 1 ? " commit ago" : " commits ago");
        if (s->oldest_reader_pid)
            buf_fmt(&b, ", process %" PRId64, s->oldest_reader_pid);
        buf_str(&b, ", keeps ");
        buf_size(&b, s->kept_bytes);
        buf_char(&b, '\n');
    }
    if (s->imports) {
        line(&b, "open imports");
        buf_count(&b, s->imports);
        buf_fmt(&b, ", the newest is batch %" PRIu64 "\n", s->import_batch);
    }
    buf_char(&b, '\n');
    out_put(b.p, b.n);
    buf_free(&b);
}

static void number(buf *b, const char *key, uint64_t value)
{
    json_key(b, key);
    buf_fmt(b, "%" PRIu64, value);
}

static void json_stat(tool *t, buf *b, const crm_db_stat *s)
{
    buf_char(b, '{');
    json_key(b, "database");
    json_string(b, t->path, strlen(t->path));
    number(b, "customers", s->customers);
    number(b, "deleted", s->deleted);
    number(b, "revision", s->revision);
    json_key(b, "recorded_at");
    if (s->recorded_us) {
        buf_char(b, '"');
        buf_time(b, s->recorded_us);
        buf_char(b, '"');
    } else {
        buf_str(b, "null");
    }
    number(b, "model_version", s->model_version);
    number(b, "file_bytes", s->file_bytes);
    number(b, "data_bytes", s->data_bytes);
    number(b, "free_bytes", s->free_bytes);
    number(b, "map_bytes", s->map_bytes);
    number(b, "readers", s->readers);
    number(b, "max_readers", s->max_readers);
    number(b, "oldest_reader_commits", s->oldest_reader_commits);
    number(b, "oldest_reader_pid", (uint64_t)s->oldest_reader_pid);
    number(b, "kept_bytes", s->kept_bytes);
    number(b, "imports", s->imports);
    number(b, "import_batch", s->import_batch);
    json_key(b, "spaces");
    buf_char(b, '[');
}

static void json_space(buf *b, const crm_space_stat *s)
{
    if (b->p[b->n - 1] != '[')
        buf_char(b, ',');
    buf_str(b, "{\"name\":");
    json_string(b, s->name, strlen(s->name));
    number(b, "rows", s->rows);
    number(b, "bytes", s->bytes);
    number(b, "depth", s->depth);
    buf_fmt(b, ",\"derived\":%s}", s->derived ? "true" : "false");
}

static void put_space(table *tb, const crm_space_stat *s, uint64_t data_bytes)
{
    char percent[16];
    buf b = {0};

    table_cell(tb, s->name, strlen(s->name));
    buf_count(&b, s->rows);
    table_cell(tb, b.p, b.n);
    b.n = 0;
    buf_size(&b, s->bytes);
    table_cell(tb, b.p, b.n);
    b.n = 0;
    if (s->bytes)
        buf_fmt(&b, "%s%%", share(s->bytes, data_bytes, percent));
    table_cell(tb, b.n ? b.p : "-", b.n ? b.n : 1);
    table_cell(tb, s->derived ? "derived" : "primary", 7);
    buf_free(&b);
}

static table *space_table(void)
{
    static const char *const head[] = {"space", "rows", "size", "share", "kind"};
    table *tb = table_new(5, 0, 0);

    for (size_t i = 0; i < 5; i++)
        table_cell(tb, head[i], strlen(head[i]));
    table_right(tb, 1);
    table_right(tb, 2);
    table_right(tb, 3);
    return tb;
}

static int run(tool *t, int argc, char **argv)
{
    crm_error err = CRM_ERROR_INIT;
    crm_db_stat stat;
    crm_space_stat space;
    table *tb = NULL;
    size_t pos = 0;
    buf json = {0};
    int rc = verb_start(t, &argc, argv, NULL);

    if (rc)
        return rc;
    if (argc)
        return fail_usage(t, "takes no argument");
    if ((rc = open_read(t)))
        return rc;
    if (crm_db_stat_get(t->db, sizeof(stat), &stat, &err))
        return fail_crm(t, &err);
    if (t->json) {
        json_stat(t, &json, &stat);
    } else {
        put_stat(t, &stat);
        tb = space_table();
    }
    while (!(rc = crm_db_space_next(t->db, &pos, &space, &err)))
        if (t->json)
            json_space(&json, &space);
        else
            put_space(tb, &space, stat.data_bytes);
    if (tb) {
        table_end(tb);
    } else {
        buf_str(&json, "]}");
        out_json(json.p, json.n);
    }
    buf_free(&json);
    return rc == CRM_DONE ? 0 : fail_crm(t, &err);
}

const verb verb_stat = {"stat", "", "counts and sizes", help, 0, run};
