/* SPDX-License-Identifier: MIT
 * The model inside the database layer.
 */
#ifndef CRM_DB_MODEL_H
#define CRM_DB_MODEL_H

#include "db/txn.h"

/* Binds a parsed model's names, stores its text as a version, journals it. */
int crm__model_store(crm_txn *txn, crm__model *m, uint32_t version, crm_error *err);
/* Gives the caller's reference to the transaction. */
int crm__model_own(crm_txn *txn, crm__model *m);
void crm__field_out(const crm__field *f, crm_field *out);
/* CRM_EFIELD, with a near name. */
int crm__field_unknown(const crm__model *m, const char *name, size_t n, crm_error *err);

#endif
