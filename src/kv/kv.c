/* SPDX-License-Identifier: MIT
 * Names of the spaces.
 */
#include "kv/kv.h"

static const char *const NAMES[KV_SPACES] = {
    "meta",    "customer", "member",   "event",  "tag",  "tagged", "consent", "journal", "image",
    "verdict", "dict",     "identity", "golden", "bits", "column", "day",     "block",   "due",
};

const char *crm__kv_space_name(kv_space space)
{
    return (unsigned)space < KV_SPACES ? NAMES[space] : "?";
}

int crm__kv_space_derived(kv_space space)
{
    return space >= KV_IDENTITY;
}
