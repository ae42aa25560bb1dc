/* SPDX-License-Identifier: MIT
 * The text of segments.  What is read has a canonical text and a JSON form that give the same tree.
 */
#include "fuzz_segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    crm_error err = CRM_ERROR_INIT;
    crm__tree *t;
    int rc;

    set_up();
    rc = crm__tree_parse(NULL, model, zone, (const char *)data, size, &t, &err);
    if (rc) {
        MUST(!t && err.offset >= 0);
        check_fault(rc, &err, size);
    } else {
        check_tree(t);
        crm__tree_unref(t);
    }
    return 0;
}
