/* SPDX-License-Identifier: MIT
 * segment.c: a question over all customers: how many, the first ten in an order, and by city.
 *   cc segment.c -o segment $(pkg-config --cflags --libs libcrm) && ./segment */
#include <crm/crm.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static crm_error err = CRM_ERROR_INIT;

static void must(int rc, const char *what)
{
    if (rc < 0) {
        fprintf(stderr, "segment: %s: %s (%s)\n", what, err.message, crm_error_name(rc));
        exit(1);
    }
}

static int on_city(const crm_facet *line, void *ctx)
{
    (void)ctx;
    printf("  %s: %" PRIu64 "\n", line->value, line->count);
    return 0; /* anything else ends it */
}

int main(int argc, char **argv)
{
    const char *question = argc > 1 ? argv[1] : "城市 in (上海, 北京) and score >= 300";
    crm_segment_options opts = CRM_SEGMENT_OPTIONS_INIT;
    crm_segment_iter *walk;
    crm_segment *segment;
    uint64_t count;
    char doc[128];
    char *json;
    crm_txn *txn;
    crm_db *db;
    crm_id id;
    int rc;

    must(crm_db_open("segment.crm", NULL, &db, &err), "open");
    must(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err), "begin");
    for (int i = 0; i < 100; i++) {
        snprintf(doc, sizeof(doc), "{\"name\":\"N%d\",\"city\":\"%s\",\"score\":%d}", i,
                 i % 3 ? "上海" : "北京", i * 7 % 100 * 10);
        must(crm_customer_create_json(txn, doc, strlen(doc), &id, &err), "create");
    }
    must(crm_txn_commit(txn, &err), "commit");

    must(crm_txn_begin(db, CRM_READ, NULL, &txn, &err), "begin");
    if (crm_segment_parse(txn, question, CRM_NUL, &segment, &err)) {
        fprintf(stderr, "%s\n%s\n", question, err.message); /* err.offset: the byte */
        exit(1);
    }
    must(crm_segment_count(txn, segment, NULL, &count, &err), "count");
    printf("%" PRIu64 " customers, by city\n", count);
    must(crm_segment_facet(txn, segment, "city", NULL, on_city, NULL, &err), "facet");

    opts.order = "score desc, name";
    opts.limit = 10; /* the next page: opts.after = what crm_segment_key() gave */
    must(crm_segment_list(txn, segment, &opts, &walk, &err), "list");
    while ((rc = crm_segment_next(walk, &id, &err)) == CRM_OK) {
        must(crm_customer_get_json(txn, id, 0, &json, NULL, &err), "get");
        printf("%s\n", json);
        crm_free(json);
    }
    must(rc, "next");
    crm_segment_list_close(walk);
    crm_segment_free(segment); /* it may be asked again, in any transaction */
    crm_txn_abort(txn);
    crm_db_close(db);
    return 0;
}
