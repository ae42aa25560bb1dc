/* SPDX-License-Identifier: MIT
 * Messages on standard error: lines for people, or one JSON object a line with --json.
 */
#include "tool.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int exit_code_of(int code)
{
    switch (code) {
    case CRM_OK:
    case CRM_DONE:
        return TOOL_OK;
    case CRM_ENOTFOUND:
        return TOOL_MISSING;
    case CRM_EEXISTS:
    case CRM_ECONFLICT:
    case CRM_EAMBIGUOUS:
    case CRM_EREFUSED:
        return TOOL_CONFLICT;
    case CRM_EINVAL:
    case CRM_EVALUE:
    case CRM_EFIELD:
    case CRM_ESYNTAX:
    case CRM_EMODEL:
        return TOOL_INPUT;
    case CRM_ECANCELLED:
        return TOOL_INTERRUPTED;
    /* whatever else there is, or will be */
    default:
        return TOOL_SYSTEM;
    }
}

void error_line(buf *b)
{
    ssize_t written;
    size_t at = 0;

    /* in one write, so that lines of several processes do not mix */
    buf_char(b, '\n');
    out_flush();
    while (at < b->n && out_room(STDERR_FILENO) &&
           (written = write(STDERR_FILENO, b->p + at, b->n - at)) > 0)
        at += (size_t)written;
    buf_free(b);
}

static void put_prefix(buf *b, const tool *t)
{
    buf_str(b, TOOL ": ");
    if (t->verb)
        buf_fmt(b, "%s: ", t->verb->name);
}

static void put_number(buf *b, const char *key, int64_t value)
{
    json_key(b, key);
    buf_fmt(b, "%" PRId64, value);
}

static void put_text(buf *b, const char *key, const char *value)
{
    json_key(b, key);
    json_string(b, value, strlen(value));
}

static void put_json(tool *t, const char *code, const place *at, const crm_error *err,
                     const char *message)
{
    buf b = {0};

    buf_str(&b, "{\"error\":{");
    put_text(&b, "code", code);
    if (t->verb)
        put_text(&b, "verb", t->verb->name);
    if (at) {
        put_text(&b, "file", at->file);
        put_number(&b, "line", (int64_t)at->line);
    }
    if (err && err->field[0])
        put_text(&b, "field", err->field);
    if (err && err->row >= 0)
        put_number(&b, "row", err->row);
    if (err && err->offset >= 0)
        put_number(&b, "offset", err->offset);
    if (err && err->sys)
        put_number(&b, "sys", err->sys);
    put_text(&b, "message", message);
    buf_str(&b, "}}");
    error_line(&b);
}

static void put_message(tool *t, const char *code, const place *at, const crm_error *err,
                        const char *message)
{
    buf b = {0};

    if (t->bar)
        progress_clear(t->bar);
    if (t->json) {
        put_json(t, code, at, err, message);
        return;
    }
    put_prefix(&b, t);
    if (at) {
        text_clean(&b, at->file, strlen(at->file));
        buf_fmt(&b, ":%" PRIu64, at->line);
        if (at->column)
            buf_fmt(&b, ":%" PRIu64, at->column);
        buf_str(&b, ": ");
    }
    text_clean(&b, message, strlen(message));
    error_line(&b);
}

int fail(tool *t, int code, const char *fmt, ...)
{
    char message[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(message, sizeof(message), tr(t, fmt), ap);
    va_end(ap);
    put_message(t, crm_error_name(code), NULL, NULL, message);
    return exit_code_of(code);
}

int fail_usage(tool *t, const char *fmt, ...)
{
    char message[1024];
    buf hint = {0};
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(message, sizeof(message), tr(t, fmt), ap);
    va_end(ap);
    put_message(t, "USAGE", NULL, NULL, message);
    if (!t->json) {
        buf_fmt(&hint, tr(t, "Try '" TOOL "%s%s --help'."), t->verb ? " " : "",
                t->verb ? t->verb->name : "");
        error_line(&hint);
    }
    return TOOL_USAGE;
}

void report(tool *t, const place *at, const char *subject, const crm_error *err)
{
    const char *text = err->message[0] ? err->message : crm_error_text(err->code);
    buf b = {0};

    if (subject && !t->json)
        buf_fmt(&b, "%s: ", subject);
    buf_str(&b, text);
    put_message(t, crm_error_name(err->code), at, err, b.p);
    buf_free(&b);
}

int fail_crm(tool *t, const crm_error *err)
{
    report(t, NULL, NULL, err);
    return err->code < 0 ? exit_code_of(err->code) : TOOL_SYSTEM;
}

static int64_t number_member(slice object, const char *key)
{
    slice raw = json_member(object, key);
    int64_t value = -1;
    char digits[24];

    if (raw.n && raw.n < sizeof(digits)) {
        memcpy(digits, raw.p, raw.n);
        digits[raw.n] = '\0';
        if (sscanf(digits, "%" SCNd64, &value) != 1)
            value = -1;
    }
    return value;
}

static void text_member(slice object, const char *key, char *to, size_t size)
{
    slice raw = json_member(object, key);
    buf b = {0};

    if (raw.n)
        json_text(&b, raw);
    snprintf(to, size, "%s", b.p ? b.p : "");
    buf_free(&b);
}

/* The report has codes by name; there are few, all near zero. */
static int code_number(slice name)
{
    for (int code = -1; code > -64; code--) {
        const char *known = crm_error_name(code);
        if (name.n == strlen(known) + 2 && memcmp(name.p + 1, known, name.n - 2) == 0)
            return code;
    }
    return CRM_EVALUE;
}

size_t report_faults(tool *t, crm_txn *txn, const char *json, size_t n, int skip, int given)
{
    slice list = {NULL, 0}, key, item, document = {json, n};
    size_t pos = 0, reported = 0;
    char *faults;

    if (crm_customer_validate_json(txn, json, n, &faults, &list.n, NULL))
        return 0;
    list.p = faults;
    while (json_next(list, &pos, &key, &item)) {
        crm_error err = CRM_ERROR_INIT;
        err.code = code_number(json_member(item, "code"));
        text_member(item, "field", err.field, sizeof(err.field));
        if (err.code == skip || (given && !json_member(document, err.field).p))
            continue;
        err.offset = number_member(item, "offset");
        err.row = number_member(item, "row");
        text_member(item, "message", err.message, sizeof(err.message));
        report(t, NULL, NULL, &err);
        reported++;
    }
    crm_free(faults);
    return reported;
}

void note(tool *t, const char *fmt, ...)
{
    char message[1024];
    buf b = {0};
    va_list ap;

    out_flush(); /* what the remark is about comes first */
    if (t->bar)
        progress_clear(t->bar);
    va_start(ap, fmt);
    vsnprintf(message, sizeof(message), tr(t, fmt), ap);
    va_end(ap);
    if (t->json) {
        buf_str(&b, "{");
        put_text(&b, "note", message);
        buf_str(&b, "}");
    } else {
        put_prefix(&b, t);
        text_clean(&b, message, strlen(message));
    }
    error_line(&b);
}
