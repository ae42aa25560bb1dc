/* SPDX-License-Identifier: MIT
 * Times as they stand on the command line, without an offset in the zone that --zone says.
 */
#include "tool.h"

static int no_time(tool *t, const char *option, const char *text)
{
    return fail_usage(t, "--%s needs a time such as 2026-01-31 or 2026-01-31T09:30:00Z, not '%s'",
                      option, text);
}

int time_option(tool *t, crm_txn *txn, const char *option, const char *text, int64_t *us)
{
    if (!text)
        return 0;
    if (crm_txn_time(txn, text, CRM_NUL, us, NULL))
        return no_time(t, option, text);
    if (!*us)
        *us = -1;
    return 0;
}

int time_until(tool *t, crm_txn *txn, const char *text, int64_t *us)
{
    int rc = time_option(t, txn, "until", text, us);

    return rc || *us >= 0 ? rc : no_time(t, "until", text);
}
