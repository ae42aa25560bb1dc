/* SPDX-License-Identifier: MIT
 * What crm import prints: which column is which field, the counts, where the time went, and what to
 * do next.
 */
#include "importing.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* ---- what was found ---- */

/* The text of a member of the mapping. */
void import_member(slice object, const char *key, buf *out)
{
    slice value = json_member(object, key);

    out->n = 0;
    buf_add(out, "", 0);
    if (value.n)
        json_text(out, value);
}

enum { NAME_WIDTH = 100 };

/* A name of a column may be of any length. */
static void put_cell(table *tb, const char *s)
{
    buf b = {0};

    text_cut(&b, s, strlen(s), NAME_WIDTH);
    table_cell(tb, b.p ? b.p : "", b.n);
    buf_free(&b);
}

static void put_column(const tool *t, table *tb, slice column)
{
    buf text = {0}, use = {0}, found = {0};

    int is_note;

    import_member(column, "column", &text);
    is_note = text.n > 4 && memcmp(text.p, "crm:", 4) == 0;
    put_cell(tb, text.p);
    import_member(column, "use", &use);
    if (strcmp(use.p, "field") == 0 || strcmp(use.p, "attribute") == 0 ||
        strcmp(use.p, "part") == 0) {
        import_member(column, "field", &text);
        put_cell(tb, text.p);
    } else if (strcmp(use.p, "tag") == 0) {
        buf tag = {0};
        import_member(column, "field", &text);
        buf_str(&tag, "tags");
        if (text.n)
            buf_fmt(&tag, " of %s", text.p);
        put_cell(tb, tag.p);
        buf_free(&tag);
    } else {
        put_cell(tb, strcmp(use.p, "none") && strcmp(use.p, "left_out") ? use.p : "-");
    }
    import_member(column, "found", &text);
    buf_str(&found, text.n ? tr(t, text.p) : "");
    import_member(column, "program", &text);
    if (strcmp(use.p, "none") == 0)
        buf_str((found.n = 0, &found), tr(t, "left out"));
    else if (strcmp(use.p, "left_out") == 0)
        buf_str((found.n = 0, &found),
                tr(t, is_note ? "left out: notes of an import" : "left out by the mapping"));
    else if (text.n)
        buf_fmt(&found, ", %s", text.p);
    import_member(column, "why", &text);
    if (text.n)
        buf_fmt(&found, ": %s", text.p);
    put_cell(tb, found.n ? found.p : "");
    buf_free(&text);
    buf_free(&use);
    buf_free(&found);
}

void import_put_format(const importing *g, slice mapping, const char *before)
{
    const tool *t = g->t;
    buf b = {0}, text = {0};
    slice percent = json_member(mapping, "encoding_percent");

    buf_str(&b, before);
    text_clean(&b, g->file, strlen(g->file));
    import_member(mapping, "format", &text);
    buf_fmt(&b, ": %s",
            strcmp(text.p, "csv") == 0     ? "CSV"
            : strcmp(text.p, "xlsx") == 0  ? "XLSX"
            : strcmp(text.p, "vcard") == 0 ? "vCard"
                                           : "JSON Lines");
    import_member(mapping, "version", &text);
    if (text.n)
        buf_fmt(&b, " %s", text.p);
    import_member(mapping, "sheet", &text);
    if (text.n) {
        buf_str(&b, tr(t, ", sheet "));
        text_clean(&b, text.p, text.n);
    }
    if (slice_is(json_member(mapping, "gzip"), "true"))
        buf_str(&b, ", gzip");
    import_member(mapping, "encoding", &text);
    if (text.n)
        buf_fmt(&b, ", %s", text.p);
    if (text.n && !slice_is(percent, "100"))
        buf_fmt(&b, tr(t, " (%.*s %% sure)"), (int)percent.n, percent.p);
    import_member(mapping, "separator", &text);
    if (text.n && text.p[0] != ',') {
        buf mark = {0};
        text_clean(&mark, text.p, text.n);
        buf_fmt(&b, tr(t, ", separator %s"), text.p[0] == '\t' ? tr(t, "tab") : mark.p);
        buf_free(&mark);
    }
    out_line(b.p, b.n);
    buf_free(&b);
    buf_free(&text);
}

void import_put_mapping(importing *g, slice mapping)
{
    slice columns = json_member(mapping, "columns"), key, column;
    size_t pos = 0, n = 0;
    table *tb;

    import_put_format(g, mapping, "");
    while (json_next(columns, &pos, &key, &column))
        n++;
    if (!n)
        return;
    tb = table_new(3, out_columns(STDOUT_FILENO), 0);
    put_cell(tb, tr(g->t, "column"));
    put_cell(tb, tr(g->t, g->o->events ? "attribute" : "field"));
    put_cell(tb, tr(g->t, "found by"));
    pos = 0;
    while (json_next(columns, &pos, &key, &column))
        put_column(g->t, tb, column);
    table_end(tb);
}

/* ---- the report ---- */

static void put_count(buf *b, const char *before, uint64_t n, const char *what)
{
    buf_str(b, before);
    buf_count(b, n);
    buf_fmt(b, " %s", what);
}

void import_put_counts(importing *g, const crm_import_result *r)
{
    buf b = {0};

    buf_str(&b, g->o->dry_run ? tr(g->t, "dry run: ") : "");
    put_count(&b, "", r->rows, tr(g->t, r->rows == 1 ? "row: " : "rows: "));
    put_count(&b, "", r->created, tr(g->t, g->o->events ? "added" : "created"));
    if (!g->o->events)
        put_count(&b, ", ", r->updated, tr(g->t, "updated"));
    put_count(&b, ", ", r->unchanged, tr(g->t, g->o->events ? "known already" : "unchanged"));
    if (r->skipped)
        put_count(&b, ", ", r->skipped, tr(g->t, "skipped"));
    put_count(&b, ", ", r->bad, tr(g->t, "bad"));
    if (r->empty)
        put_count(&b, ", ", r->empty, tr(g->t, "empty"));
    if (g->bad.to_out)
        note(g->t, "%s", b.p);
    else
        out_line(b.p, b.n);
    buf_free(&b);
}

static void put_stage(table *tb, const char *name, int64_t us, int64_t total)
{
    buf b = {0};

    put_cell(tb, name);
    buf_fmt(&b, "%.2f s", (double)us / 1e6);
    table_cell(tb, b.p, b.n);
    b.n = 0;
    buf_fmt(&b, "%.0f %%", total ? 100.0 * (double)us / (double)total : 0);
    table_cell(tb, b.p, b.n);
    buf_free(&b);
}

static double journal_share(importing *g, const uint64_t now[2])
{
    return now[1] > g->all ? (double)(now[0] - g->journal) / (double)(now[1] - g->all) : 0;
}

/* Bytes of the journal with its images, and of all spaces. */
void import_measure(importing *g, uint64_t bytes[2])
{
    crm_error err = CRM_ERROR_INIT;
    crm_space_stat s;
    size_t pos = 0;

    bytes[0] = bytes[1] = 0;
    while (crm_db_space_next(g->t->db, &pos, &s, &err) == CRM_OK) {
        if (strcmp(s.name, "journal") == 0 || strcmp(s.name, "image") == 0)
            bytes[0] += s.bytes;
        bytes[1] += s.bytes;
    }
}

void import_put_stats(importing *g, const crm_import_result *r)
{
    double seconds = (double)r->total_us / 1e6;
    uint64_t now[2];
    table *tb = table_new(3, 0, 0);
    buf b = {0};

    put_cell(tb, tr(g->t, "stage"));
    put_cell(tb, tr(g->t, "time"));
    put_cell(tb, tr(g->t, "share"));
    table_right(tb, 1);
    table_right(tb, 2);
    put_stage(tb, tr(g->t, "reading"), r->read_us, r->total_us);
    put_stage(tb, tr(g->t, "values"), r->map_us, r->total_us);
    put_stage(tb, tr(g->t, "writing"), r->write_us, r->total_us);
    put_stage(tb, tr(g->t, "commits"), r->commit_us, r->total_us);
    put_stage(tb, tr(g->t, "all"), r->total_us, r->total_us);
    table_end(tb);
    buf_count(&b, seconds > 0 ? (uint64_t)((double)(r->rows - r->resumed) / seconds) : 0);
    buf_str(&b, tr(g->t, " rows/s, "));
    buf_size(&b, seconds > 0 ? (uint64_t)((double)r->bytes / seconds) : 0);
    buf_str(&b, tr(g->t, "/s, "));
    buf_count(&b, r->commits);
    buf_str(&b, tr(g->t, r->commits == 1 ? " commit" : " commits"));
    import_measure(g, now);
    buf_fmt(&b, tr(g->t, "; the journal is %.0f %% of what the database grew by"),
            100 * journal_share(g, now));
    out_line(b.p, b.n);
    buf_free(&b);
}

void import_put_json(importing *g, const crm_import_result *r, slice mapping, int stopped, int made)
{
    buf b = {0};

    buf_str(&b, "{\"file\":");
    json_string(&b, g->file, strlen(g->file));
    buf_fmt(&b,
            ",\"rows\":%" PRIu64 ",\"created\":%" PRIu64 ",\"updated\":%" PRIu64
            ",\"unchanged\":%" PRIu64 ",\"skipped\":%" PRIu64 ",\"bad\":%" PRIu64
            ",\"empty\":%" PRIu64 ",\"resumed\":%" PRIu64,
            r->rows, r->created, r->updated, r->unchanged, r->skipped, r->bad, r->empty,
            r->resumed);
    if (r->batch)
        buf_fmt(&b, ",\"batch\":%" PRIu64, r->batch);
    else
        buf_str(&b, ",\"batch\":null");
    buf_fmt(&b, ",\"written\":%s,\"dry_run\":%s,\"interrupted\":%s,\"resumable\":%s",
            r->written ? "true" : "false", g->o->dry_run ? "true" : "false",
            stopped ? "true" : "false", r->resumable ? "true" : "false");
    json_key(&b, "errors");
    if (made)
        json_string(&b, g->bad.name, strlen(g->bad.name));
    else
        buf_str(&b, "null");
    json_key(&b, "mapping");
    buf_add(&b, mapping.p, mapping.n);
    if (g->o->stats) {
        uint64_t now[2];
        import_measure(g, now);
        buf_fmt(&b,
                ",\"stats\":{\"read_us\":%" PRId64 ",\"values_us\":%" PRId64
                ",\"write_us\":%" PRId64 ",\"commit_us\":%" PRId64 ",\"total_us\":%" PRId64
                ",\"commits\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"journal_share\":%.3f}",
                r->read_us, r->map_us, r->write_us, r->commit_us, r->total_us, r->commits, r->bytes,
                journal_share(g, now));
    }
    buf_char(&b, '}');
    out_json(b.p, b.n);
    buf_free(&b);
}

/* What to do next. */
void import_tell_next(importing *g, const crm_import_result *r, int stopped, int made)
{
    buf b = {0};

    if (g->untold) {
        buf_count(&b, g->untold);
        note(g->t, "... and %s more bad row%s (--json tells all)", b.p, g->untold > 1 ? "s" : "");
    }
    if (r->batch && r->written)
        note(g->t, "batch %" PRIu64 " ('" TOOL " undo %" PRIu64 "' takes it back)", r->batch,
             r->batch);
    if (g->o->atomic && !g->o->dry_run && !r->written)
        note(g->t, "nothing was written%s", r->bad ? tr(g->t, ", because of the bad rows") : "");
    if (stopped && r->resumable)
        note(g->t, "cut short: the same command with --resume goes on with it");
    else if (stopped)
        note(g->t, "cut short");
    if (g->like_events)
        note(g->t, "the columns look like those of events: --events imports them");
    if (g->doubtful && r->created + r->updated)
        note(g->t, "the encoding is a guess: when characters are wrong, undo, and give --encoding");
    if (r->bad && !g->bad.name && !g->bad.to_out)
        note(g->t, "the bad rows were not kept: --errors FILE keeps them");
    if (made && g->o->atomic && !r->written)
        note(g->t, "the bad rows are in %s, with what is wrong: put them right in the file itself",
             g->bad.name);
    else if (made)
        note(g->t, "the bad rows are in %s: put them right there and import that file",
             g->bad.name);
    buf_free(&b);
}
