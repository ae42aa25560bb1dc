/* SPDX-License-Identifier: MIT
 * What the cases of src/db share that work on an engine without a database.
 */
#ifndef DB_ENGINE_H
#define DB_ENGINE_H

#include "crmtest.h"
#include "kv/kv.h"

#include <crm/codes.h>

/* A new one in the folder of the case. */
static inline kv_env *open_engine(void)
{
    kv_options o = {.create = 1, .map_bytes = 256 << 20};
    crm_error err = CRM_ERROR_INIT;
    kv_env *env;

    ck_assert_msg(crm__kv_lmdb_open(crmtest_dir(), &o, &env, &err) == CRM_OK, "%s", err.message);
    return env;
}

#endif
