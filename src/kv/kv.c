/* SPDX-License-Identifier: MIT
 * Names of the spaces.
 */
#include "kv/kv.h"

static const char *const NAMES[KV_STORED] = {
    "meta",    "customer", "member",   "event",  "tag",  "tagged", "consent", "journal", "image",
    "verdict", "dict",     "identity", "golden", "bits", "column", "day",     "block",   "due",    "tail",
};

const char *crm__kv_space_name(kv_space space)
{
    return (unsigned)space < KV_STORED ? NAMES[space] : "?";
}

int crm__kv_space_derived(kv_space space)
{
    return space >= KV_IDENTITY;
}
