/* SPDX-License-Identifier: MIT
 * E-mail and web addresses: check and canonical form.  Input is valid UTF-8, trimmed, not empty.
 */
#ifndef CRM_MODEL_ADDRESS_H
#define CRM_MODEL_ADDRESS_H

#include <stddef.h>

enum { CRM__EMAIL_BYTES = 254, CRM__URL_BYTES = 2048 };

/* RFC 5321 with UTF-8 (RFC 6531), without quoted local parts and address literals: kept as written
 * but for fullwidth characters, ideographic full stops and the domain's letter case.  The length
 * written to out, 0 when it is no address: then *why is a static phrase. */
size_t crm__email_canon(const char *s, size_t n, char out[CRM__EMAIL_BYTES], const char **why);

/* http or https (added when the scheme is missing), a host without user name; scheme and host in
 * lower case, the rest as written.  The same results. */
size_t crm__url_canon(const char *s, size_t n, char out[CRM__URL_BYTES], const char **why);

#endif
