/* SPDX-License-Identifier: MIT
 * XML out of the archive, through expat, the only file that sees it.  A handler may pause, so that
 * a sheet is read row by row.  Document types, which XLSX has none of and which entities would come
 * from, are refused; depth and the length of what is held at once are bounded.
 */
#include "io/xlsx.h"

#ifdef CRM__XLSX

#include <crm/codes.h>
#include <expat.h>

enum { PIECE = 16 * 1024 };

struct crm__xml {
    const crm_allocator *mem;
    crm__zip *zip;
    XML_Parser parser;
    crm__xml_handler h;
    uint64_t fed, limit;
    unsigned depth;
    int paused, ended, rc; /* rc stays; its detail is `why` */
    crm_error why;
};

static const char *local(const char *name)
{
    const char *colon = strchr(name, ':');

    return colon ? colon + 1 : name;
}

static void stop(crm__xml *x, int code, const char *what)
{
    if (!x->rc) {
        x->rc = crm__fail(&x->why, code, "%s", what);
        XML_StopParser(x->parser, XML_FALSE);
    }
}

static void XMLCALL on_start(void *ctx, const XML_Char *name, const XML_Char **atts)
{
    crm__xml *x = ctx;

    if (x->rc)
        return;
    if (++x->depth > CRM__XML_DEPTH)
        stop(x, CRM_ESYNTAX, "the XLSX file has elements too deep within each other");
    else
        x->h.start(x->h.ctx, local(name), atts);
}

static void XMLCALL on_end(void *ctx, const XML_Char *name)
{
    crm__xml *x = ctx;

    if (x->rc)
        return;
    x->depth--;
    x->h.end(x->h.ctx, local(name));
}

static void XMLCALL on_text(void *ctx, const XML_Char *p, int n)
{
    crm__xml *x = ctx;

    if (!x->rc)
        x->h.text(x->h.ctx, p, (size_t)n);
}

static void XMLCALL on_doctype(void *ctx, const XML_Char *name, const XML_Char *system,
                               const XML_Char *pub, int subset)
{
    (void)name;
    (void)system;
    (void)pub;
    (void)subset;
    stop(ctx, CRM_ESYNTAX, "the XLSX file has a document type, which XLSX has not");
}

int crm__xml_open(const crm_allocator *mem, crm__zip *z, long entry, uint64_t limit,
                  const crm__xml_handler *h, crm__xml **out, crm_error *err)
{
    crm__xml *x = crm__calloc(mem, 1, sizeof *x);
    int rc;

    *out = NULL;
    if (!x)
        return crm__fail_nomem(err);
    x->mem = mem;
    x->zip = z;
    x->h = *h;
    x->limit = limit;
    crm_error_init(&x->why);
    x->parser = XML_ParserCreate(NULL);
    rc = x->parser ? crm__zip_enter(z, entry, err) : crm__fail_nomem(err);
    if (rc) {
        crm__xml_close(x);
        return rc;
    }
    XML_SetUserData(x->parser, x);
    XML_SetElementHandler(x->parser, on_start, on_end);
    XML_SetCharacterDataHandler(x->parser, on_text);
    XML_SetStartDoctypeDeclHandler(x->parser, on_doctype);
    *out = x;
    return CRM_OK;
}

void crm__xml_close(crm__xml *x)
{
    if (!x)
        return;
    if (x->parser)
        XML_ParserFree(x->parser);
    crm__release(x->mem, x);
}

void crm__xml_pause(crm__xml *x)
{
    x->paused = 1;
    XML_StopParser(x->parser, XML_TRUE);
}

void crm__xml_stop(crm__xml *x, const crm_error *why)
{
    if (!x->rc) {
        x->rc = crm__fail_copy(&x->why, why);
        XML_StopParser(x->parser, XML_FALSE);
    }
}

uint64_t crm__xml_bytes(const crm__xml *x)
{
    return x->fed;
}

static int not_well_formed(crm__xml *x)
{
    enum XML_Error e = XML_GetErrorCode(x->parser);

    if (e == XML_ERROR_NO_MEMORY)
        return x->rc = crm__fail_nomem(&x->why);
    return x->rc =
               crm__fail(&x->why, CRM_ESYNTAX, "the XLSX file is damaged: its XML can't be read");
}

/* One piece more; sets x->ended at the last. */
static enum XML_Status feed(crm__xml *x)
{
    void *to = XML_GetBuffer(x->parser, PIECE);
    enum XML_Status status;
    size_t n = 0;

    if (!to) {
        not_well_formed(x);
        return XML_STATUS_ERROR;
    }
    x->rc = crm__zip_read(x->zip, to, PIECE, &n, &x->why);
    x->fed += n;
    if (!x->rc && x->fed > x->limit)
        x->rc = crm__fail(&x->why, CRM_ESYNTAX, "a part of the XLSX file is too large");
    if (x->rc)
        return XML_STATUS_ERROR;
    x->ended = n == 0;
    status = XML_ParseBuffer(x->parser, (int)n, x->ended);
    if (status == XML_STATUS_OK && !x->ended) {
        /* An element or comment that does not end is held, and looked at again with each piece. */
        XML_Index at = XML_GetCurrentByteIndex(x->parser);
        if (at >= 0 && x->fed > (uint64_t)at + CRM__XML_TOKEN)
            stop(x, CRM_ESYNTAX, "the XLSX file has an element too long to be read");
    }
    return x->rc ? XML_STATUS_ERROR : status;
}

int crm__xml_step(crm__xml *x, crm_error *err)
{
    enum XML_Status status = XML_STATUS_OK;

    if (x->paused && !x->rc) {
        x->paused = 0;
        status = XML_ResumeParser(x->parser);
    }
    while (!x->rc && status == XML_STATUS_OK && !x->ended)
        status = feed(x);
    if (!x->rc && status == XML_STATUS_ERROR)
        not_well_formed(x);
    if (x->rc)
        return crm__fail_copy(err, &x->why);
    return status == XML_STATUS_SUSPENDED ? CRM_OK : CRM_DONE;
}

int crm__xml_read(const crm_allocator *mem, crm__zip *z, long entry, uint64_t limit,
                  const crm__xml_handler *h, crm__xml **x, crm_error *err)
{
    int rc = crm__xml_open(mem, z, entry, limit, h, x, err);

    if (!rc)
        rc = crm__xml_step(*x, err);
    crm__xml_close(*x);
    *x = NULL;
    return rc == CRM_DONE ? CRM_OK : rc;
}

const char *crm__xml_att(const char **atts, const char *name)
{
    for (; *atts; atts += 2) {
        if (strcmp(local(*atts), name) == 0)
            return atts[1];
    }
    return NULL;
}

#endif
