/* SPDX-License-Identifier: MIT
 * data.log.  When the first byte is odd the rest is the file; when it is even the rest is the changes of
 * a record that checks.  Either is read to its end, and what it says of keys and values lies in it; a
 * patch is applied to its own bytes, as if they were the value before.
 */
#include "fuzz.h"

#include "base/bytes.h"
#include "codec/key.h"
#include "kv/kv_log.h"
#include "kv/kv_patch.h"

#include <fcntl.h>

static int file = -1;

static void set_up(void)
{
    char path[4200];
    crm__log l;

    MUST(crm__log_open(&l, fuzz_folder(), 1) == CRM_OK);
    crm__log_close(&l);
    snprintf(path, sizeof path, "%s/data.log", fuzz_folder());
    file = open(path, O_RDWR | O_CLOEXEC);
    MUST(file >= 0);
}

static void apply(crm__slice patch)
{
    crm__buf made;
    int rc;

    crm__buf_init(&made, NULL);
    rc = crm__patch_apply(patch, patch, &made);
    MUST(rc == CRM_ECORRUPT || rc == CRM_OK);
    MUST(rc || made.n == crm__patch_bytes(patch));
    crm__buf_clear(&made);
}

static void walk_changes(crm__slice left)
{
    crm__slice all = left, key, value;
    kv_log_what what;
    kv_space space;
    uint64_t sum = 0;

    while (crm__log_change(&left, &what, &space, &key, &value) > 0) {
        MUST(space < KV_STORED && left.n < all.n);
        for (size_t i = 0; i < key.n; i++)
            sum += key.p[i];
        for (size_t i = 0; i < value.n; i++)
            sum += value.p[i];
        if (what == LOG_PATCH)
            apply(value);
    }
    MUST(sum <= all.n * UINT64_C(255));
}

static void walk(void)
{
    crm__slice changes;
    uint64_t at = 0;
    crm__buf room;
    crm__log l;
    int rc;

    MUST(crm__log_open(&l, fuzz_folder(), 0) == CRM_OK);
    rc = crm__log_read(&l, NULL, UINT64_MAX);
    MUST(rc == CRM_OK || rc == CRM_ENOTFOUND);
    crm__buf_init(&room, NULL);
    while (!rc && crm__log_next(&l, &at, &room, &changes) == CRM_OK)
        walk_changes(changes);
    crm__buf_clear(&room);
    crm__log_close(&l);
}

static void as_record(const uint8_t *p, size_t n)
{
    static const uint8_t META[LOG_META];
    crm__log l;
    crm__buf b;
    int lasting;

    MUST(crm__log_open(&l, fuzz_folder(), 0) == CRM_OK);
    MUST(crm__log_begin(&l, 5, 4096, META, 0, 0) == CRM_OK);
    crm__buf_init(&b, NULL);
    crm__log_record(&b);
    crm__buf_add(&b, p, n);
    MUST(crm__log_append(&l, &b, &lasting) == CRM_OK);
    crm__buf_clear(&b);
    crm__log_close(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    if (file < 0)
        set_up();
    if (!n || n > 100000)
        return 0;
    MUST(ftruncate(file, 0) == 0);
    if (p[0] & 1)
        MUST(pwrite(file, p + 1, n - 1, 0) == (ssize_t)(n - 1));
    else
        as_record(p + 1, n - 1);
    walk();
    walk_changes(crm__slice_of(p, n));
    return 0;
}
