/* SPDX-License-Identifier: MIT
 * What the cases of src/kv share.
 */
#ifndef KV_OK_H
#define KV_OK_H

#include "crmtest.h"

/* A call must give 0. */
#define OK(x)                                                                                      \
    do {                                                                                           \
        int rc_ = (x);                                                                             \
        if (rc_)                                                                                   \
            ck_abort_msg("%s: %d", #x, rc_);                                                       \
    } while (0)

#endif
