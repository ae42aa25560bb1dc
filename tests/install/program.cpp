/* SPDX-License-Identifier: MIT
 * The same stranger in C++11: handles in smart pointers, errors as exceptions.
 */
#include <crm/crm.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

struct database_end {
    void operator()(crm_db *db) const { crm_db_close(db); }
};
struct customer_end {
    void operator()(crm_customer *c) const { crm_customer_free(c); }
};
struct txn_end {
    void operator()(crm_txn *txn) const { crm_txn_abort(txn); }
};

void must(int rc, const crm_error &err)
{
    if (rc < 0)
        throw std::runtime_error(std::string(crm_error_name(rc)) + ": " + err.message);
}

int create(crm_txn *txn, void *ctx)
{
    const std::string json = R"({"name":"Li Na","phone":"138 0013 8000"})";

    return crm_customer_create_json(txn, json.data(), json.size(), static_cast<crm_id *>(ctx),
                                    nullptr);
}

void run()
{
    crm_error err = CRM_ERROR_INIT;
    crm_db_options options = CRM_DB_OPTIONS_INIT;
    crm_db *opened = nullptr;
    crm_id id = 0;

    must(crm_db_open("shop.crm", &options, &opened, &err), err);
    std::unique_ptr<crm_db, database_end> db(opened);
    must(crm_db_write(db.get(), nullptr, create, &id, &err), err);

    crm_txn *begun = nullptr;
    must(crm_txn_begin(db.get(), CRM_READ, nullptr, &begun, &err), err);
    std::unique_ptr<crm_txn, txn_end> txn(begun);
    crm_field name;
    must(crm_field_find(txn.get(), "name", CRM_NUL, &name, &err), err);
    crm_customer *made = nullptr;
    must(crm_customer_new(txn.get(), &made, &err), err);
    std::unique_ptr<crm_customer, customer_end> c(made);
    must(crm_customer_get(txn.get(), id, c.get(), &err), err);
    const char *text = nullptr;
    size_t n = 0;
    must(crm_customer_text(c.get(), &name, 0, &text, &n, &err), err);
    std::printf("%llu %s\n", static_cast<unsigned long long>(id), std::string(text, n).c_str());
}

} // namespace

int main()
{
    try {
        run();
    } catch (const std::exception &e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 1;
    }
    return 0;
}
