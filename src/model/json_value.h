/* SPDX-License-Identifier: MIT
 * One value of a field or an attribute in a JSON document.  Numbers of type integer and customer,
 * and booleans, are JSON numbers and booleans; decimals are strings, so that no reader rounds them;
 * money is
 * {"amount":"12.50","currency":"CNY"}, and read as text too.
 */
#ifndef CRM_MODEL_JSON_VALUE_H
#define CRM_MODEL_JSON_VALUE_H

#include "codec/json.h"
#include "model/model.h"

enum { CRM__JSON_MONEY = 64 };

/* The text that crm__value_parse() is to read; of money it may lie in room.  CRM_OK or CRM_EVALUE.
 */
int crm__json_value_text(const crm__field *f, const crm__json *v, char room[CRM__JSON_MONEY],
                         crm__slice *text, crm_error *err);
/* Appends a value as JSON; text is scratch, f may be NULL.  CRM_OK or CRM_ENOMEM. */
int crm__json_value_write(const crm__field *f, const crm__value *v, crm__buf *text, crm__buf *out);

#endif
