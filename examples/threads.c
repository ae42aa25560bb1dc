/* SPDX-License-Identifier: MIT
 * threads.c: threads that write, each change durable when its call returns, while others read:
 *   cc threads.c -o threads $(pkg-config --cflags --libs libcrm) -pthread && ./threads
 */
#include <crm/crm.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
enum { WRITERS = 4, READERS = 2, THREADS = WRITERS + READERS, EACH = 25 };
static crm_db *db; /* one handle for all threads */

static void must(int rc, const crm_error *err)
{
    if (rc < 0) {
        fprintf(stderr, "threads: %s (%s)\n", err->message, crm_error_name(rc));
        exit(1);
    }
}

/* Runs on the thread that called crm_db_write(); if it fails, only its own work is undone. */
static int create(crm_txn *txn, void *json)
{
    return crm_customer_create_json(txn, json, CRM_NUL, NULL, NULL);
}

static void *writer(void *unused)
{
    crm_error err = CRM_ERROR_INIT;
    crm_txn_options options = CRM_TXN_OPTIONS_INIT;
    options.flags = CRM_STICKY;    /* so that err tells what failed in create() */
    for (int i = 0; i < EACH; i++) /* those who write at once share one commit */
        must(crm_db_write(db, &options, create, "{\"name\":\"李娜\"}", &err), &err);
    return unused;
}

static void *reader(void *unused)
{
    crm_error err = CRM_ERROR_INIT;
    crm_db_stat stat = {0};
    for (uint64_t before = 0; before < WRITERS * EACH; before = stat.customers) {
        must(crm_db_stat_get(db, sizeof(stat), &stat, &err), &err);  /* never waits for a writer */
        must(stat.customers < before ? CRM_ECORRUPT : CRM_OK, &err); /* a later snapshot has more */
    }
    return unused;
}

int main(void)
{
    pthread_t threads[THREADS];
    crm_error err = CRM_ERROR_INIT;
    must(crm_db_open("threads.crm", NULL, &db, &err), &err);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, i < WRITERS ? writer : reader, NULL))
            return 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("%d customers created by %d threads\n", WRITERS * EACH, WRITERS);
    crm_db_close(db);
    return 0;
}
