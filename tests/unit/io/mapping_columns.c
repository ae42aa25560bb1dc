/* SPDX-License-Identifier: MIT
 * Columns of the exports of other programs, and what is made of them: the header lines are those
 * the programs write.
 */
#include "io/known.h"
#include "mapping.h"

/* "column -> field" of each column: the key, with ":part" behind; "" none; "-" left out; "#tag". */
static const char *told(const crm__mapped *x, const char *part)
{
    static char room[4][128];
    static int next;
    char *out = room[next = (next + 1) % 4];

    switch (x->use) {
    case CRM__USE_NONE:
        return "";
    case CRM__USE_LEFT_OUT:
        return "-";
    case CRM__USE_TAG:
        return "#tag";
    case CRM__USE_ID:
        return "#id";
    case CRM__USE_KIND:
        return "#kind";
    case CRM__USE_TIME:
        return "#time";
    case CRM__USE_REFERENCE:
        return "#reference";
    case CRM__USE_SOURCE:
        return "#source";
    case CRM__USE_PART:
        snprintf(out, 128, "%s+%s", x->key, part);
        return out;
    default:
        snprintf(out, 128, "%s%s%s", x->key, *x->source ? "@" : "", x->source);
        return out;
    }
}

/* Each line: name of a column, "=", what it is. */
static void expect(mapping_world *w, unsigned what, const char *kind, int card,
                   const char *const *lines, size_t count)
{
    crm__slice names[MAP_CELLS];

    OK(world_map(w, what, NULL, kind, NULL));
    for (size_t i = 0; i < count; i++) {
        const char *sign = strrchr(lines[i], '=');
        names[i] = (crm__slice){(const uint8_t *)lines[i], (size_t)(sign - lines[i])};
    }
    OK(crm__mapping_names(w->m, names, count, card, NULL));
    ck_assert_uint_eq(crm__mapping_count(w->m), count);
    for (size_t i = 0; i < count; i++) {
        const crm__mapped *x = crm__mapping_at(w->m, i);
        const char *want = strrchr(lines[i], '=') + 1, *plus = strchr(want, '+');
        ck_assert_msg(!strcmp(told(x, plus ? plus + 1 : ""), want), "%s, but is %s (%s)", lines[i],
                      told(x, "?"), x->why);
    }
}

#define EXPECT(w, what, kind, card, lines)                                                         \
    expect(w, what, kind, card, lines, sizeof lines / sizeof lines[0])

CRM_TEST(test_io_mapping__google)
{
    static const char *const OLD[] = {"Name=name",
                                      "Given Name=name+given",
                                      "Additional Name=name+middle",
                                      "Family Name=name+family",
                                      "Yomi Name=",
                                      "Name Prefix=",
                                      "Name Suffix=name+suffix",
                                      "Birthday=birth_date",
                                      "Gender=gender",
                                      "Notes=notes",
                                      "Language=language",
                                      "Group Membership=#tag",
                                      "E-mail 1 - Type=",
                                      "E-mail 1 - Value=email",
                                      "E-mail 2 - Type=",
                                      "E-mail 2 - Value=email",
                                      "Phone 1 - Type=",
                                      "Phone 1 - Value=phone",
                                      "Phone 2 - Value=phone",
                                      "Address 1 - Formatted=address+spare",
                                      "Address 1 - Street=address+line1",
                                      "Address 1 - City=city",
                                      "Address 1 - Region=province",
                                      "Address 1 - Postal Code=postal_code",
                                      "Address 1 - Country=country",
                                      "Address 2 - Street=",
                                      "Address 2 - City=",
                                      "Organization 1 - Name=company",
                                      "Organization 1 - Title=job_title",
                                      "Organization 1 - Department=department",
                                      "Website 1 - Value=website"};
    static const char *const NEW[] = {"First Name=name+given",
                                      "Middle Name=name+middle",
                                      "Last Name=name+family",
                                      "Phonetic First Name=",
                                      "Nickname=name+spare",
                                      "Organization Name=company",
                                      "Organization Title=job_title",
                                      "Birthday=birth_date",
                                      "Labels=#tag",
                                      "E-mail 1 - Label=",
                                      "E-mail 1 - Value=email",
                                      "Phone 1 - Label=",
                                      "Phone 1 - Value=phone"};
    mapping_world w;

    world_open(&w, NULL);
    EXPECT(&w, CRM__MAP_CUSTOMERS, NULL, 0, OLD);
    ck_assert_str_eq(crm__mapping_at(w.m, 1)->program, "Google");
    OK(crm__mapping_judge(w.m, &w.err));
    EXPECT(&w, CRM__MAP_CUSTOMERS, NULL, 0, NEW);
    ck_assert_str_eq(crm__mapping_at(w.m, 0)->program, "Google");
    world_close(&w);
}

CRM_TEST(test_io_mapping__outlook)
{
    static const char *const LINES[] = {"Title=",
                                        "First Name=name+given",
                                        "Middle Name=name+middle",
                                        "Last Name=name+family",
                                        "Suffix=name+suffix",
                                        "Company=company",
                                        "Department=department",
                                        "Job Title=job_title",
                                        "Business Street=address+line1",
                                        "Business Street 2=address+line2",
                                        "Business Street 3=address+line3",
                                        "Business City=city",
                                        "Business State=province",
                                        "Business Postal Code=postal_code",
                                        "Business Country/Region=country",
                                        "Home Street=",
                                        "Home City=",
                                        "Business Fax=",
                                        "Business Phone=phone",
                                        "Business Phone 2=phone",
                                        "Home Phone=phone",
                                        "Mobile Phone=phone",
                                        "Other Phone=phone",
                                        "Birthday=birth_date",
                                        "Categories=#tag",
                                        "E-mail Address=email",
                                        "E-mail Type=",
                                        "E-mail Display Name=",
                                        "E-mail 2 Address=email",
                                        "Gender=gender",
                                        "Language=language",
                                        "Notes=notes",
                                        "Web Page=website"};
    mapping_world w;

    world_open(&w, NULL);
    EXPECT(&w, CRM__MAP_CUSTOMERS, NULL, 0, LINES);
    ck_assert_str_eq(crm__mapping_at(w.m, 8)->program, "Outlook");
    world_close(&w);
}

CRM_TEST(test_io_mapping__hubspot_salesforce_zoho)
{
    static const char *const HUBSPOT[] = {"Record ID=external@hubspot",
                                          "First Name=name+given",
                                          "Last Name=name+family",
                                          "Email=email",
                                          "Phone Number=phone",
                                          "Mobile Phone Number=phone",
                                          "Company Name=company",
                                          "Lifecycle Stage=lifecycle",
                                          "Lead Status=",
                                          "Contact owner=owner",
                                          "Create Date=first_contact",
                                          "Last Activity Date=last_contact",
                                          "Job Title=job_title",
                                          "Country/Region=country",
                                          "State/Region=province",
                                          "Postal Code=postal_code",
                                          "Street Address=address",
                                          "City=city"};
    static const char *const COMPANIES[] = {
        "Record ID=external@hubspot", "Company name=name", "Company owner=owner",
        "Phone Number=phone",         "City=city",         "Industry=industry",
        "Company Domain Name=website"};
    static const char *const SALESFORCE[] = {"Id=external@salesforce",
                                             "IsDeleted=",
                                             "LastName=name+family",
                                             "FirstName=name+given",
                                             "Salutation=",
                                             "Account Name=company",
                                             "MailingStreet=address+line1",
                                             "MailingCity=city",
                                             "MailingState=province",
                                             "MailingPostalCode=postal_code",
                                             "MailingCountry=country",
                                             "Phone=phone",
                                             "MobilePhone=phone",
                                             "Email=email",
                                             "Title=job_title",
                                             "LeadSource=lead_source",
                                             "Birthdate=birth_date",
                                             "Description=notes",
                                             "OwnerId=",
                                             "CreatedDate=first_contact"};
    static const char *const ZOHO[] = {"Record Id=external@zoho",
                                       "Contact Owner.id=",
                                       "Contact Owner=owner",
                                       "Lead Source=lead_source",
                                       "First Name=name+given",
                                       "Last Name=name+family",
                                       "Account Name.id=",
                                       "Account Name=company",
                                       "Email=email",
                                       "Secondary Email=email",
                                       "Phone=phone",
                                       "Mobile=phone",
                                       "Date of Birth=birth_date",
                                       "Mailing Street=address+line1",
                                       "Mailing City=city",
                                       "Mailing Zip=postal_code",
                                       "Created Time=first_contact",
                                       "Tag=#tag"};
    static const char *const ZOHO_OLD[] = {"Contact Id=external@zoho", "Contact Owner=owner",
                                           "Last Name=name+family", "Mailing Zip=postal_code"};
    mapping_world w;

    world_open(&w, NULL);
    EXPECT(&w, CRM__MAP_CUSTOMERS, NULL, 0, HUBSPOT);
    ck_assert_str_eq(crm__mapping_at(w.m, 0)->program, "HubSpot");
    EXPECT(&w, CRM__MAP_CUSTOMERS, "organisation", 0, COMPANIES);
    OK(crm__mapping_judge(w.m, &w.err));
    EXPECT(&w, CRM__MAP_CUSTOMERS, NULL, 0, SALESFORCE);
    ck_assert_str_eq(crm__mapping_at(w.m, 0)->program, "Salesforce");
    EXPECT(&w, CRM__MAP_CUSTOMERS, NULL, 0, ZOHO);
    EXPECT(&w, CRM__MAP_CUSTOMERS, NULL, 0, ZOHO_OLD);
    world_close(&w);
}

CRM_TEST(test_io_mapping__chinese)
{
    static const char *const CONTACTS[] = {
        "客户名称=company", "联系人=name",    "手机=phone",         "电话1=phone",
        "邮件=email",       "职务=job_title", "负责人(必填)=owner", "创建时间=first_contact",
        "标签=#tag",        "备注=notes",     "生命状态="};
    static const char *const ACCOUNTS[] = {
        "客户名称=name",  "客户编号=external@fxiaoke", "电话=phone",           "负责人=owner",
        "客户级别=grade", "负责人主属部门=",           "客户来源=lead_source", "地址=address"};
    static const char *const PLAIN[] = {"姓名*=name",
                                        "手机号码：=phone",
                                        " 邮箱 =email",
                                        "ＱＱ=qq",
                                        "微信号（选填）=wechat",
                                        "生日=birth_date",
                                        "性别【男/女】=gender",
                                        "来源=#source",
                                        "类型=#kind"};
    static const char *const WECOM[] = {"客户名称=name",
                                        "备注名=name+spare",
                                        "性别=gender",
                                        "添加人=owner",
                                        "添加时间=first_contact",
                                        "external_userid=external@wecom",
                                        "企业=company",
                                        "标签组=#tag"};
    mapping_world w;

    world_open(&w, NULL);
    EXPECT(&w, CRM__MAP_CUSTOMERS, NULL, 0, CONTACTS);
    EXPECT(&w, CRM__MAP_CUSTOMERS, "企业", 0, ACCOUNTS);
    EXPECT(&w, CRM__MAP_CUSTOMERS, NULL, 0, PLAIN);
    EXPECT(&w, CRM__MAP_CUSTOMERS, NULL, 0, WECOM);
    world_close(&w);
}

CRM_TEST(test_io_mapping__cards)
{
    static const char *const FIRST[] = {"FN=name",
                                        "N=name+name",
                                        "TEL;cell=phone",
                                        "TEL;work,voice=phone",
                                        "TEL;type-x;fax=",
                                        "EMAIL;internet=email",
                                        "ORG;name=company",
                                        "ORG;unit=department",
                                        "ADR;street=address+line1",
                                        "ADR;extended=address+line2",
                                        "ADR;box=address+line3",
                                        "ADR;city=city",
                                        "ADR;region=province",
                                        "ADR;code=postal_code",
                                        "ADR;country=country",
                                        "ADR;other=",
                                        "N;family=name+family",
                                        "N;given=name+given",
                                        "UID=external@vcard",
                                        "X-QQ=qq",
                                        "BDAY=birth_date",
                                        "NOTE=notes",
                                        "PHOTO=",
                                        "X-ABC="};
    static const char *const LATER[] = {"FN=name", "TEL=phone"};
    mapping_world w;

    world_open(&w, NULL);
    EXPECT(&w, CRM__MAP_CUSTOMERS, NULL, 1, FIRST);
    EXPECT(&w, CRM__MAP_CUSTOMERS, NULL, 1, LATER);
    OK(world_names(&w, "TEL;home|TITLE|FN;x", 1));
    ck_assert_uint_eq(crm__mapping_count(w.m), 5);
    ck_assert_str_eq(crm__mapping_at(w.m, 2)->key, "phone");
    ck_assert_str_eq(crm__mapping_at(w.m, 3)->key, "job_title");
    ck_assert_uint_eq(crm__mapping_at(w.m, 4)->use, CRM__USE_NONE);
    ck_assert_ptr_nonnull(strstr(crm__mapping_at(w.m, 4)->why, "\"FN\""));
    world_close(&w);
}

static const char CUSTOM[] = "crm: 1\n"
                             "fields:\n"
                             "  full_name: {type: text, required: true}\n"
                             "  mobile: {type: phone}\n"
                             "  mail_a: {type: email}\n"
                             "  mail_b: {type: email}\n"
                             "  first_visit: {type: date, label: First visit}\n"
                             "identities:\n"
                             "  crm_no: {type: text, per: source}\n";

CRM_TEST(test_io_mapping__a_role_goes_to_the_only_field_of_its_type)
{
    static const char *const LINES[] = {
        "Given Name=full_name+given", "Family Name=full_name+family",
        "Phone 1 - Value=mobile",     "Phone 2 - Value=",
        "E-mail 1 - Value=",          "mail_b=mail_b",
        "FirstVisit=first_visit",     "Contact Id=crm_no@google",
        "Group Membership=#tag"};
    mapping_world w;

    world_open(&w, CUSTOM);
    EXPECT(&w, CRM__MAP_CUSTOMERS, NULL, 0, LINES);
    ck_assert_ptr_nonnull(strstr(crm__mapping_at(w.m, 3)->why, "\"Phone 1 - Value\""));
    ck_assert_ptr_nonnull(strstr(crm__mapping_at(w.m, 4)->why, "several fields"));
    ck_assert_uint_eq(crm__mapping_at(w.m, 5)->found, CRM__FOUND_KEY);
    ck_assert_uint_eq(crm__mapping_at(w.m, 6)->found, CRM__FOUND_LABEL);
    world_close(&w);
}

CRM_TEST(test_io_mapping__numbers_of_unknown_systems)
{
    static const char *const FOREIGN[] = {"id=", "姓名=name"};
    static const char *const OURS[] = {"id=#id",       "kind=#kind", "revision=-",
                                       "created_at=-", "name=name",  "external@erp=external@erp",
                                       "external@=",   "name@erp=",  "crm:problem=-"};
    static const char *const EVENTS[] = {"customer=#id", "number=-", "kind=#kind", "time=#time",
                                         "external@shop=external@shop"};
    mapping_world w;

    world_open(&w, NULL);
    EXPECT(&w, CRM__MAP_CUSTOMERS, NULL, 0, FOREIGN);
    ck_assert_ptr_nonnull(strstr(crm__mapping_at(w.m, 0)->why, "which system"));
    EXPECT(&w, CRM__MAP_CUSTOMERS, NULL, 0, OURS);
    EXPECT(&w, CRM__MAP_EVENTS, NULL, 0, EVENTS);
    OK(world_map(&w, CRM__MAP_CUSTOMERS, "columns: {ID: id, Name: name}\n", NULL, "ID|Name"));
    ck_assert_uint_eq(crm__mapping_at(w.m, 0)->use, CRM__USE_ID);
    world_close(&w);
}

CRM_TEST(test_io_mapping__events)
{
    static const char *const ORDERS[] = {"订单号=#reference",
                                         "下单时间=#time",
                                         "客户手机号=phone",
                                         "客户ID=external@import",
                                         "商品名称=product",
                                         "购买数量=quantity",
                                         "实付金额=amount",
                                         "渠道=channel",
                                         "姓名=",
                                         "备注=text"};
    static const char *const MIXED[] = {"customer=#id",    "kind=#kind",           "date=#time",
                                        "time=#time",      "reference=#reference", "amount=amount",
                                        "Subject=subject", "Duration=duration",    "source=#source",
                                        "Email=email"};
    mapping_world w;

    world_open(&w, NULL);
    EXPECT(&w, CRM__MAP_EVENTS, "order", 0, ORDERS);
    OK(crm__mapping_judge(w.m, &w.err));
    EXPECT(&w, CRM__MAP_EVENTS, NULL, 0, MIXED);
    OK(crm__mapping_judge(w.m, &w.err));
    world_close(&w);
}

static void refused(mapping_world *w, unsigned what, const char *text, const char *kind,
                    const char *names, const char *words)
{
    OK(world_map(w, what, text, kind, names));
    ck_assert_int_eq(crm__mapping_judge(w->m, &w->err), CRM_EFIELD);
    ck_assert_msg(strstr(w->err.message, words), "%s", w->err.message);
}

CRM_TEST(test_io_mapping__judged)
{
    mapping_world w;

    world_open(&w, NULL);
    refused(&w, CRM__MAP_CUSTOMERS, NULL, NULL, "手机|邮箱", "name: there is no column");
    refused(&w, CRM__MAP_CUSTOMERS, NULL, NULL, "foo|bar", "no column is one of a field");
    refused(&w, CRM__MAP_CUSTOMERS, "columns: {Nme: name}\n", NULL, "Name|Phone",
            "no column \"Nme\"; did you mean \"Name\"?");
    ck_assert_int_eq(w.err.row, 1);
    refused(&w, CRM__MAP_CUSTOMERS, "columns:\n  Xyz: name\n", NULL, "Name|Phone", "\"Xyz\"");
    ck_assert_int_eq(w.err.row, 2);
    refused(&w, CRM__MAP_EVENTS, NULL, "order", "amount|time", "whose");
    refused(&w, CRM__MAP_EVENTS, NULL, NULL, "phone|time", "kind");
    refused(&w, CRM__MAP_EVENTS, NULL, "order", "phone|amount", "when");
    OK(world_map(&w, CRM__MAP_CUSTOMERS, "columns: {Nme: skip}\n", NULL, "Name|Phone"));
    OK(crm__mapping_judge(w.m, &w.err));
    OK(world_map(&w, CRM__MAP_CUSTOMERS, NULL, NULL, "Nmae|Qqqqqqqqq"));
    ck_assert_str_eq(crm__mapping_at(w.m, 0)->why, "did you mean \"name\"?");
    ck_assert_str_eq(crm__mapping_at(w.m, 1)->why, "");
    world_close(&w);
}

/* ---- the tables themselves ---- */

static void each_line(int table, const char *lines, size_t size)
{
    const char *before = "";
    size_t before_n = 0;

    for (const char *p = lines; p < lines + size;) {
        const char *sign = strchr(p, '='), *end = strchr(p, '\n');
        size_t n = (size_t)(sign - p), least = n < before_n ? n : before_n;
        char name[256], form[CRM__KNOWN_BYTES];
        unsigned number;
        crm__known known;
        int c = memcmp(before, p, least);
        ck_assert_msg(c < 0 || (c == 0 && before_n < n), "%.*s is out of order", (int)n, p);
        /* A name of the table is found by itself, with any number for "#". */
        ck_assert_uint_lt(n, sizeof name);
        for (size_t i = 0; i < n; i++)
            name[i] = p[i] == '#' ? '7' : p[i];
        ck_assert_uint_eq(crm__known_form(name, n, table == CRM__KNOWN_CARD, form, &number), n);
        ck_assert_mem_eq(form, p, n);
        ck_assert_msg(crm__known_find(table, name, n, &known, &number), "%.*s", (int)n, p);
        ck_assert_uint_eq(number, memchr(p, '#', n) ? 7 : 0);
        for (size_t i = 0; i < known.program_count; i++)
            ck_assert_ptr_nonnull(crm__known_program(known.programs[i]));
        before = p;
        before_n = n;
        p = end + 1;
    }
}

CRM_TEST(test_io_mapping__tables_of_names)
{
    each_line(CRM__KNOWN_CUSTOMER, crm__known_customers, crm__known_customers_size);
    each_line(CRM__KNOWN_EVENT, crm__known_events, crm__known_events_size);
    each_line(CRM__KNOWN_CARD, crm__known_cards, crm__known_cards_size);
    ck_assert_ptr_null(crm__known_program('?'));
    ck_assert_uint_eq(crm__part_find("given", 5), CRM__PART_GIVEN);
    ck_assert_uint_eq(crm__part_find("none", 4), CRM__PARTS);
}
