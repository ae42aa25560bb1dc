/* SPDX-License-Identifier: MIT
 * The tables were made with Python 3.11's zoneinfo, which was also asked for the local times that
 * check_change derives from them; footers that count days from 0 with the C library.
 */
#include "base/bytes.h"
#include "base/time.h"
#include "base/zone.h"
#include "crmtest.h"

#include <crm/codes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define US CRM__US_PER_SECOND

/* Changes of the clocks: instant in seconds, offset before and after. */
static const struct change {
    const char *zone;
    int64_t at;
    int32_t before, after;
} changes[] = {
    {"Asia/Shanghai", INT64_C(-2177481943), 29143, 28800},
    {"Asia/Shanghai", INT64_C(-922093200), 32400, 28800},
    {"Asia/Shanghai", INT64_C(-908870400), 28800, 32400},
    {"Asia/Shanghai", INT64_C(-888829200), 32400, 28800},
    {"Asia/Shanghai", INT64_C(-767869200), 32400, 28800},
    {"Asia/Shanghai", INT64_C(-733827600), 32400, 28800},
    {"Asia/Shanghai", INT64_C(-716889600), 28800, 32400},
    {"Asia/Shanghai", INT64_C(-699613200), 32400, 28800},
    {"Asia/Shanghai", INT64_C(515527200), 28800, 32400},
    {"Asia/Shanghai", INT64_C(545162400), 28800, 32400},
    {"Asia/Shanghai", INT64_C(577216800), 28800, 32400},
    {"Asia/Shanghai", INT64_C(608666400), 28800, 32400},
    {"Asia/Shanghai", INT64_C(640116000), 28800, 32400},
    {"Asia/Shanghai", INT64_C(671565600), 28800, 32400},
    {"America/New_York", INT64_C(-2717650800), -17762, -18000},
    {"America/New_York", INT64_C(-1583690400), -14400, -18000},
    {"America/New_York", INT64_C(-765396000), -14400, -18000},
    {"America/New_York", INT64_C(-608148000), -14400, -18000},
    {"America/New_York", INT64_C(-495046800), -18000, -14400},
    {"America/New_York", INT64_C(357116400), -18000, -14400},
    {"America/New_York", INT64_C(688543200), -14400, -18000},
    {"America/New_York", INT64_C(909295200), -14400, -18000},
    {"America/New_York", INT64_C(1352008800), -14400, -18000},
    {"Europe/London", INT64_C(-1691964000), 0, 3600},
    {"Europe/London", INT64_C(-1080511200), 3600, 0},
    {"Europe/London", INT64_C(-748476000), 0, 3600},
    {"Europe/London", INT64_C(-119484000), 0, 3600},
    {"Europe/London", INT64_C(278474400), 3600, 0},
    {"Europe/London", INT64_C(290570400), 0, 3600},
    {"Europe/London", INT64_C(562122000), 3600, 0},
    {"Europe/London", INT64_C(593571600), 3600, 0},
    {"Europe/London", INT64_C(954032400), 0, 3600},
    {"Australia/Lord_Howe", INT64_C(-2364114980), 38180, 36000},
    {"Australia/Lord_Howe", INT64_C(372785400), 37800, 41400},
    {"Australia/Lord_Howe", INT64_C(478621800), 41400, 37800},
    {"Australia/Lord_Howe", INT64_C(657041400), 37800, 39600},
    {"Australia/Lord_Howe", INT64_C(667926000), 39600, 37800},
    {"Australia/Lord_Howe", INT64_C(1130599800), 37800, 39600},
    {"Australia/Lord_Howe", INT64_C(1396710000), 39600, 37800},
    {"Australia/Lord_Howe", INT64_C(1633188600), 37800, 39600},
    {"Pacific/Apia", INT64_C(-2445424384), 45184, -41216},
    {"Pacific/Apia", INT64_C(-1861878784), -41216, -41400},
    {"Pacific/Apia", INT64_C(-631110600), -41400, -39600},
    {"Pacific/Apia", INT64_C(1325239200), -36000, 50400},
    {"Pacific/Apia", INT64_C(1365256800), 50400, 46800},
    {"Pacific/Apia", INT64_C(1380376800), 46800, 50400},
    {"Pacific/Apia", INT64_C(1522504800), 50400, 46800},
    {"Pacific/Apia", INT64_C(1617458400), 50400, 46800},
    {"Asia/Kathmandu", INT64_C(-1577943676), 20476, 19800},
    {"Asia/Kathmandu", INT64_C(504901800), 19800, 20700},
    {"America/Sao_Paulo", INT64_C(-1767214412), -11188, -10800},
    {"America/Sao_Paulo", INT64_C(919562400), -7200, -10800},
    {"America/Sao_Paulo", INT64_C(938919600), -10800, -7200},
    {"America/Sao_Paulo", INT64_C(1003028400), -10800, -7200},
    {"America/Sao_Paulo", INT64_C(1298167200), -7200, -10800},
    {"America/Sao_Paulo", INT64_C(1350788400), -10800, -7200},
    {"Europe/Dublin", INT64_C(-1691962479), -1521, 2079},
    {"Europe/Dublin", INT64_C(-1538344800), 0, 3600},
    {"Europe/Dublin", INT64_C(-1301263200), 3600, 0},
    {"Europe/Dublin", INT64_C(-1143410400), 3600, 0},
    {"Europe/Dublin", INT64_C(69818400), 0, 3600},
    {"Europe/Dublin", INT64_C(386125200), 0, 3600},
    {"Europe/Dublin", INT64_C(593571600), 3600, 0},
    {"Africa/Casablanca", INT64_C(-1773012580), -1820, 0},
    {"Africa/Casablanca", INT64_C(244249200), 3600, 0},
    {"Africa/Casablanca", INT64_C(448243200), 0, 3600},
    {"Africa/Casablanca", INT64_C(1342749600), 3600, 0},
    {"Africa/Casablanca", INT64_C(1437271200), 0, 3600},
    {"Africa/Casablanca", INT64_C(1465092000), 3600, 0},
    {"Africa/Casablanca", INT64_C(1509242400), 3600, 0},
    {"Asia/Tehran", INT64_C(-1090466744), 12344, 12600},
    {"Asia/Tehran", INT64_C(1127331000), 16200, 12600},
    {"Asia/Tehran", INT64_C(1285097400), 16200, 12600},
    {"Asia/Tehran", INT64_C(1363897800), 12600, 16200},
    {"Asia/Tehran", INT64_C(1426969800), 12600, 16200},
    {"Asia/Tehran", INT64_C(1600630200), 16200, 12600},
    {"Asia/Pyongyang", INT64_C(-1948782180), 30180, 30600},
    {"Asia/Pyongyang", INT64_C(-1830414600), 30600, 32400},
    {"Asia/Pyongyang", INT64_C(1439564400), 32400, 30600},
    {"Asia/Pyongyang", INT64_C(1525446000), 30600, 32400},
    {"America/Caracas", INT64_C(-2524505536), -16064, -16060},
    {"America/Caracas", INT64_C(-1826739140), -16060, -16200},
    {"America/Caracas", INT64_C(1197183600), -14400, -16200},
    {"America/Caracas", INT64_C(1462086000), -16200, -14400},
    {"Pacific/Chatham", INT64_C(-757426500), 44100, 45900},
    {"Pacific/Chatham", INT64_C(700581600), 49500, 45900},
    {"Pacific/Chatham", INT64_C(1365256800), 49500, 45900},
    {"Pacific/Chatham", INT64_C(1491055200), 49500, 45900},
    {"Asia/Kolkata", INT64_C(-2019705670), 19270, 19800},
    {"Asia/Kolkata", INT64_C(-872058600), 23400, 19800},
    {"Asia/Kolkata", INT64_C(-862637400), 19800, 23400},
    {"Asia/Kolkata", INT64_C(-764145000), 23400, 19800},
    {"Europe/Moscow", INT64_C(-1688265017), 9017, 9079},
    {"Europe/Moscow", INT64_C(354920400), 10800, 14400},
    {"Europe/Moscow", INT64_C(575420400), 10800, 14400},
    {"Europe/Moscow", INT64_C(695779200), 7200, 10800},
    {"Europe/Moscow", INT64_C(1238281200), 10800, 14400},
    {"Europe/Moscow", INT64_C(1288479600), 14400, 10800},
    {"Europe/Moscow", INT64_C(1301180400), 10800, 14400},
    {"Pacific/Kwajalein", INT64_C(-2177492960), 40160, 39600},
    {"Pacific/Kwajalein", INT64_C(-1041418800), 39600, 36000},
    {"Pacific/Kwajalein", INT64_C(-817462800), 32400, 39600},
};

static const struct foot_case {
    const char *footer;
    int64_t at;
    int32_t before, after;
} feet[] = {
    {"CST-8", INT64_C(930787200), 28800, 28800},
    {"CST-8", INT64_C(1719792000), 28800, 28800},
    {"CST-8", INT64_C(4118083200), 28800, 28800},
    {"CST-8", INT64_C(95633222400), 28800, 28800},
    {"CST-8", INT64_C(253354867200), 28800, 28800},
    {"EST5EDT,M3.2.0,M11.1.0", INT64_C(921394800), -18000, -14400},
    {"EST5EDT,M3.2.0,M11.1.0", INT64_C(941954400), -14400, -18000},
    {"EST5EDT,M3.2.0,M11.1.0", INT64_C(1710054000), -18000, -14400},
    {"EST5EDT,M3.2.0,M11.1.0", INT64_C(1730613600), -14400, -18000},
    {"EST5EDT,M3.2.0,M11.1.0", INT64_C(4108690800), -18000, -14400},
    {"EST5EDT,M3.2.0,M11.1.0", INT64_C(4129250400), -14400, -18000},
    {"EST5EDT,M3.2.0,M11.1.0", INT64_C(95623398000), -18000, -14400},
    {"EST5EDT,M3.2.0,M11.1.0", INT64_C(95643957600), -14400, -18000},
    {"EST5EDT,M3.2.0,M11.1.0", INT64_C(253344956400), -18000, -14400},
    {"EST5EDT,M3.2.0,M11.1.0", INT64_C(253365516000), -14400, -18000},
    {"GMT0BST,M3.5.0/1,M10.5.0", INT64_C(922582800), 0, 3600},
    {"GMT0BST,M3.5.0/1,M10.5.0", INT64_C(941331600), 3600, 0},
    {"GMT0BST,M3.5.0/1,M10.5.0", INT64_C(1711846800), 0, 3600},
    {"GMT0BST,M3.5.0/1,M10.5.0", INT64_C(1729990800), 3600, 0},
    {"GMT0BST,M3.5.0/1,M10.5.0", INT64_C(4109878800), 0, 3600},
    {"GMT0BST,M3.5.0/1,M10.5.0", INT64_C(4128627600), 3600, 0},
    {"GMT0BST,M3.5.0/1,M10.5.0", INT64_C(95625190800), 0, 3600},
    {"GMT0BST,M3.5.0/1,M10.5.0", INT64_C(95643334800), 3600, 0},
    {"GMT0BST,M3.5.0/1,M10.5.0", INT64_C(253346749200), 0, 3600},
    {"GMT0BST,M3.5.0/1,M10.5.0", INT64_C(253364893200), 3600, 0},
    {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", INT64_C(923151600), 39600, 37800},
    {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", INT64_C(938878200), 37800, 39600},
    {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", INT64_C(1712415600), 39600, 37800},
    {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", INT64_C(1728142200), 37800, 39600},
    {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", INT64_C(4110447600), 39600, 37800},
    {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", INT64_C(4126174200), 37800, 39600},
    {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", INT64_C(95625759600), 39600, 37800},
    {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", INT64_C(95641486200), 37800, 39600},
    {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", INT64_C(253347318000), 39600, 37800},
    {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", INT64_C(253363044600), 37800, 39600},
    {"IST-1GMT0,M10.5.0,M3.5.0/1", INT64_C(922582800), 0, 3600},
    {"IST-1GMT0,M10.5.0,M3.5.0/1", INT64_C(941331600), 3600, 0},
    {"IST-1GMT0,M10.5.0,M3.5.0/1", INT64_C(1711846800), 0, 3600},
    {"IST-1GMT0,M10.5.0,M3.5.0/1", INT64_C(1729990800), 3600, 0},
    {"IST-1GMT0,M10.5.0,M3.5.0/1", INT64_C(4109878800), 0, 3600},
    {"IST-1GMT0,M10.5.0,M3.5.0/1", INT64_C(4128627600), 3600, 0},
    {"IST-1GMT0,M10.5.0,M3.5.0/1", INT64_C(95625190800), 0, 3600},
    {"IST-1GMT0,M10.5.0,M3.5.0/1", INT64_C(95643334800), 3600, 0},
    {"IST-1GMT0,M10.5.0,M3.5.0/1", INT64_C(253346749200), 0, 3600},
    {"IST-1GMT0,M10.5.0,M3.5.0/1", INT64_C(253364893200), 3600, 0},
    {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", INT64_C(922582800), -7200, -3600},
    {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", INT64_C(941331600), -3600, -7200},
    {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", INT64_C(1711846800), -7200, -3600},
    {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", INT64_C(1729990800), -3600, -7200},
    {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", INT64_C(4109878800), -7200, -3600},
    {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", INT64_C(4128627600), -3600, -7200},
    {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", INT64_C(95625190800), -7200, -3600},
    {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", INT64_C(95643334800), -3600, -7200},
    {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", INT64_C(253346749200), -7200, -3600},
    {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", INT64_C(253364893200), -3600, -7200},
    {"EET-2EEST,M3.4.4/50,M10.4.4/50", INT64_C(922492800), 7200, 10800},
    {"EET-2EEST,M3.4.4/50,M10.4.4/50", INT64_C(941238000), 10800, 7200},
    {"EET-2EEST,M3.4.4/50,M10.4.4/50", INT64_C(1711756800), 7200, 10800},
    {"EET-2EEST,M3.4.4/50,M10.4.4/50", INT64_C(1729897200), 10800, 7200},
    {"EET-2EEST,M3.4.4/50,M10.4.4/50", INT64_C(4109788800), 7200, 10800},
    {"EET-2EEST,M3.4.4/50,M10.4.4/50", INT64_C(4128534000), 10800, 7200},
    {"EET-2EEST,M3.4.4/50,M10.4.4/50", INT64_C(95625100800), 7200, 10800},
    {"EET-2EEST,M3.4.4/50,M10.4.4/50", INT64_C(95643241200), 10800, 7200},
    {"EET-2EEST,M3.4.4/50,M10.4.4/50", INT64_C(253346659200), 7200, 10800},
    {"EET-2EEST,M3.4.4/50,M10.4.4/50", INT64_C(253364799600), 10800, 7200},
    {"<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45", INT64_C(923148000), 49500, 45900},
    {"<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45", INT64_C(938268000), 45900, 49500},
    {"<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45", INT64_C(1712412000), 49500, 45900},
    {"<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45", INT64_C(1727532000), 45900, 49500},
    {"<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45", INT64_C(4110444000), 49500, 45900},
    {"<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45", INT64_C(4125564000), 45900, 49500},
    {"<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45", INT64_C(95625756000), 49500, 45900},
    {"<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45", INT64_C(95640876000), 45900, 49500},
    {"<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45", INT64_C(253347314400), 49500, 45900},
    {"<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45", INT64_C(253362434400), 45900, 49500},
    {"AAA3BBB,J59/2,J300/2", INT64_C(920178000), -10800, -7200},
    {"AAA3BBB,J59/2,J300/2", INT64_C(1709096400), -10800, -7200},
    {"AAA3BBB,J60/2,J300/2", INT64_C(920264400), -10800, -7200},
    {"AAA3BBB,J60/2,J300/2", INT64_C(940996800), -7200, -10800},
    {"AAA3BBB,J60/2,J300/2", INT64_C(1709269200), -10800, -7200},
    {"AAA3BBB,J60/2,J300/2", INT64_C(1730001600), -7200, -10800},
    {"AAA3BBB,J60/2,J300/2", INT64_C(4107560400), -10800, -7200},
    {"AAA3BBB,J60/2,J300/2", INT64_C(4128292800), -7200, -10800},
    {"AAA3BBB,J60/2,J300/2", INT64_C(95622699600), -10800, -7200},
    {"AAA3BBB,J60/2,J300/2", INT64_C(95643432000), -7200, -10800},
    {"AAA3BBB,J60/2,J300/2", INT64_C(253344344400), -10800, -7200},
    {"AAA3BBB,J60/2,J300/2", INT64_C(253365076800), -7200, -10800},
    {"AAA3BBB2:30,59,299/4:30:15", INT64_C(920264400), -10800, -9000},
    {"AAA3BBB2:30,59,299/4:30:15", INT64_C(941007615), -9000, -10800},
    {"AAA3BBB2:30,59,299/4:30:15", INT64_C(1709182800), -10800, -9000},
    {"AAA3BBB2:30,59,299/4:30:15", INT64_C(1729926015), -9000, -10800},
    {"AAA3BBB2:30,59,299/4:30:15", INT64_C(4107560400), -10800, -9000},
    {"AAA3BBB2:30,59,299/4:30:15", INT64_C(4128303615), -9000, -10800},
    {"AAA3BBB2:30,59,299/4:30:15", INT64_C(95622699600), -10800, -9000},
    {"AAA3BBB2:30,59,299/4:30:15", INT64_C(95643442815), -9000, -10800},
    {"AAA3BBB2:30,59,299/4:30:15", INT64_C(253344344400), -10800, -9000},
    {"AAA3BBB2:30,59,299/4:30:15", INT64_C(253365087615), -9000, -10800},
    {"NST3:30:52NDT,M4.1.0/0:01,M10.5.0/0:01", INT64_C(923196712), -12652, -9052},
    {"NST3:30:52NDT,M4.1.0/0:01,M10.5.0/0:01", INT64_C(941337112), -9052, -12652},
    {"NST3:30:52NDT,M4.1.0/0:01,M10.5.0/0:01", INT64_C(1712460712), -12652, -9052},
    {"NST3:30:52NDT,M4.1.0/0:01,M10.5.0/0:01", INT64_C(1729996312), -9052, -12652},
    {"NST3:30:52NDT,M4.1.0/0:01,M10.5.0/0:01", INT64_C(4110492712), -12652, -9052},
    {"NST3:30:52NDT,M4.1.0/0:01,M10.5.0/0:01", INT64_C(4128633112), -9052, -12652},
    {"NST3:30:52NDT,M4.1.0/0:01,M10.5.0/0:01", INT64_C(95625804712), -12652, -9052},
    {"NST3:30:52NDT,M4.1.0/0:01,M10.5.0/0:01", INT64_C(95643340312), -9052, -12652},
    {"NST3:30:52NDT,M4.1.0/0:01,M10.5.0/0:01", INT64_C(253347363112), -12652, -9052},
    {"NST3:30:52NDT,M4.1.0/0:01,M10.5.0/0:01", INT64_C(253364898712), -9052, -12652},
    {"ABC-5:30", INT64_C(930787200), 19800, 19800},
    {"ABC-5:30", INT64_C(1719792000), 19800, 19800},
    {"ABC-5:30", INT64_C(4118083200), 19800, 19800},
    {"ABC-5:30", INT64_C(95633222400), 19800, 19800},
    {"ABC-5:30", INT64_C(253354867200), 19800, 19800},
};

static crm__zone *opened(const char *name)
{
    crm_error err = CRM_ERROR_INIT;
    crm__zone *z;

    if (crm__zone_open(NULL, name, &z, &err) != CRM_OK)
        ck_abort_msg("%s: %s", name, err.message);
    ck_assert_str_eq(crm__zone_name(z), name);
    return z;
}

/* A skipped local time moves forward by the gap, which is: it is read with the offset before.  A
 * repeated one is read with the offset before too, which gives the earlier instant. */
static void check_change(const crm__zone *z, int64_t at, int32_t before, int32_t after)
{
    int64_t high = before > after ? before : after, low = before < after ? before : after;

    ck_assert_int_eq(crm__zone_offset(z, at * US - 1), before);
    ck_assert_int_eq(crm__zone_offset(z, at * US), after);
    ck_assert_int_eq(crm__zone_to_utc(z, (at + high) * US), (at + high - after) * US);
    ck_assert_int_eq(crm__zone_to_utc(z, (at + high) * US - 1), (at + high - before) * US - 1);
    ck_assert_int_eq(crm__zone_to_utc(z, (at + low) * US - 1), (at + low - before) * US - 1);
    ck_assert_int_eq(crm__zone_to_utc(z, (at + (low + high) / 2) * US),
                     (at + (low + high) / 2 - (low == high ? after : before)) * US);
}

CRM_TEST(test_base_zone__changes_of_the_system_s_zones)
{
    struct stat st;

    if (stat("/usr/share/zoneinfo/Asia/Shanghai", &st) != 0)
        return; /* no zone data on this machine */
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        crm__zone *z = opened(changes[i].zone);
        check_change(z, changes[i].at, changes[i].before, changes[i].after);
        crm__zone_close(z);
    }
}

CRM_TEST(test_base_zone__far_years_of_the_system_s_zones)
{
    struct stat st;
    crm__zone *z;
    crm__civil summer = {9000, 7, 1, 12, 0, 0, 0}, winter = {9000, 1, 1, 12, 0, 0, 0};

    if (stat("/usr/share/zoneinfo/Asia/Shanghai", &st) != 0)
        return;
    z = opened("Asia/Shanghai");
    ck_assert_int_eq(crm__zone_offset(z, crm__time_from_civil(&summer)), 28800);
    crm__zone_close(z);
    z = opened("Asia/Kathmandu");
    ck_assert_int_eq(crm__zone_offset(z, crm__time_from_civil(&winter)), 20700);
    crm__zone_close(z);
    z = opened("Australia/Lord_Howe");
    ck_assert_int_eq(crm__zone_offset(z, crm__time_from_civil(&winter)), 39600);
    ck_assert_int_eq(crm__zone_offset(z, crm__time_from_civil(&summer)), 37800);
    crm__zone_close(z);
}

/* ---- made files ---- */

enum { FILE_BYTES = 4096 };

typedef struct file {
    uint8_t p[FILE_BYTES];
    size_t n;
} file;

static void put(file *f, const void *p, size_t n)
{
    memcpy(f->p + f->n, p, n);
    f->n += n;
}

static void put32(file *f, int64_t v)
{
    crm__put_be32(f->p + f->n, (uint32_t)v);
    f->n += 4;
}

static void put_block(file *f, char version, int width, const int64_t *when, const int32_t *after,
                      size_t n, int32_t first)
{
    put(f, "TZif", 4);
    put(f, &version, 1);
    memset(f->p + f->n, 0, 15);
    f->n += 15;
    put32(f, 0);
    put32(f, 0);
    put32(f, 0);
    put32(f, (int64_t)n);
    put32(f, (int64_t)n + 1);
    put32(f, 4);
    for (size_t i = 0; i < n; i++) {
        if (width == 4) {
            put32(f, when[i]);
            continue;
        }
        crm__put_be64(f->p + f->n, (uint64_t)when[i]);
        f->n += 8;
    }
    for (size_t i = 0; i < n; i++)
        put(f, &(uint8_t){(uint8_t)(i + 1)}, 1);
    for (size_t i = 0; i <= n; i++) {
        put32(f, i ? after[i - 1] : first);
        put(f, "\0\0", 2);
    }
    put(f, "ABC", 4);
}

/* footer NULL: a file of version 1. */
static file make_file(const int64_t *when, const int32_t *after, size_t n, int32_t first,
                      const char *footer)
{
    file f;

    f.n = 0;
    if (!footer) {
        put_block(&f, 0, 4, when, after, n, first);
        return f;
    }
    put_block(&f, '3', 4, NULL, NULL, 0, first);
    put_block(&f, '3', 8, when, after, n, first);
    put(&f, "\n", 1);
    put(&f, footer, strlen(footer));
    put(&f, "\n", 1);
    return f;
}

static crm__zone *opened_file(const file *f)
{
    crm_error err = CRM_ERROR_INIT;
    crm__zone *z;

    if (crm__zone_open_bytes(NULL, "Made/Up", f->p, f->n, &z, &err) != CRM_OK)
        ck_abort_msg("%s", err.message);
    return z;
}

/* The offset that the first field of a footer states. */
static int32_t foot_std(const char *s)
{
    int h = 0, m = 0, sec = 0, west = 1;

    s = *s == '<' ? strchr(s, '>') + 1 : s + strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    if (*s == '-') {
        west = -1;
        s++;
    }
    ck_assert_int_ge(sscanf(s, "%d:%d:%d", &h, &m, &sec), 1);
    return -west * (h * 3600 + m * 60 + sec);
}

CRM_TEST(test_base_zone__footers_hold_for_ever)
{
    for (size_t i = 0; i < sizeof feet / sizeof feet[0]; i++) {
        int64_t when = 0;
        int32_t after = foot_std(feet[i].footer);
        file f = make_file(&when, &after, 1, 600, feet[i].footer);
        crm__zone *z = opened_file(&f);
        check_change(z, feet[i].at, feet[i].before, feet[i].after);
        ck_assert_int_eq(crm__zone_offset(z, -1), 600);
        ck_assert_int_eq(crm__zone_offset(z, INT64_MIN), 600);
        crm__zone_offset(z, INT64_MAX);
        crm__zone_close(z);
    }
}

CRM_TEST(test_base_zone__summer_time_all_the_year_round)
{
    file f = make_file(NULL, NULL, 0, -18000, "EST5EDT,0/0,J365/25");
    crm__zone *z = opened_file(&f);
    uint64_t seed = crmtest_seed();

    for (int32_t y = 1900; y < 2300; y++) {
        int64_t at = crm__days_from_civil(y, 1, 1) * CRM__US_PER_DAY + 5 * 3600 * US;
        ck_assert_int_eq(crm__zone_offset(z, at), -14400);
        ck_assert_int_eq(crm__zone_offset(z, at - 1), -14400);
        at += (int64_t)crmtest_below(&seed, 365) * CRM__US_PER_DAY;
        ck_assert_int_eq(crm__zone_offset(z, at), -14400);
        ck_assert_int_eq(crm__zone_to_utc(z, at), at + 14400 * US);
    }
    crm__zone_close(z);
}

CRM_TEST(test_base_zone__table_of_version_1_and_2)
{
    static const int64_t when[3] = {-1000000000, 0, 1000000000};
    static const int32_t after[3] = {3600, 7200, -3600};

    for (int version = 1; version <= 2; version++) {
        file f = make_file(when, after, 3, 1172, version == 1 ? NULL : "");
        crm__zone *z = opened_file(&f);
        check_change(z, when[0], 1172, 3600);
        check_change(z, when[1], 3600, 7200);
        check_change(z, when[2], 7200, -3600);
        ck_assert_int_eq(crm__zone_offset(z, INT64_MAX), -3600);
        ck_assert_int_eq(crm__zone_to_utc(z, INT64_MAX), INT64_MAX);
        ck_assert_int_eq(crm__zone_to_utc(z, INT64_MIN), INT64_MIN);
        crm__zone_close(z);
    }
}

/* ---- hostile files ---- */

static void refuse_footer(const char *footer)
{
    int64_t when = 0;
    int32_t after = 0;
    file f = make_file(&when, &after, 1, 0, footer);
    crm__zone *z;

    if (crm__zone_open_bytes(NULL, "x", f.p, f.n, &z, NULL) != CRM_ECORRUPT || z)
        ck_abort_msg("footer \"%s\" is taken", footer);
}

CRM_TEST(test_base_zone__faulty_footers_are_refused)
{
    static const char *const bad[] = {"X5",
                                      "ABC",
                                      "ABC25:99",
                                      "ABC5DEF",
                                      "ABC5DEF,M3.2.0",
                                      "ABC5DEF,M13.2.0,M11.1.0",
                                      "ABC5DEF,M0.2.0,M11.1.0",
                                      "ABC5DEF,M3.6.0,M11.1.0",
                                      "ABC5DEF,M3.0.0,M11.1.0",
                                      "ABC5DEF,M3.2.7,M11.1.0",
                                      "ABC5DEF,J0,J5",
                                      "ABC5DEF,J366,J5",
                                      "ABC5DEF,366,5",
                                      "ABC5DEF,M3.2.0/168,M11.1.0",
                                      "ABC5DEF,M3.2.0,M11.1.0x",
                                      "<A5",
                                      "<>5",
                                      "ABC99999999999",
                                      "ABC5DEF,M3.2.0/,M11.1.0",
                                      "ABC5DE,M3.2.0,M11.1.0",
                                      "ABC5DEF26,M3.2.0,M11.1.0"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refuse_footer(bad[i]);
}

/* Whatever opens answers within the bounds of an offset. */
static void use_bytes(const uint8_t *p, size_t n, uint64_t *seed)
{
    uint8_t *exact = malloc(n ? n : 1); /* so that a read past the end is seen */
    crm__zone *z;
    int rc;

    memcpy(exact, p, n);
    rc = crm__zone_open_bytes(NULL, "x", exact, n, &z, NULL);
    free(exact);
    if ((rc == CRM_OK) != (z != NULL))
        ck_abort_msg("result %d with zone %p", rc, (void *)z);
    for (int i = 0; z && i < 8; i++) {
        int64_t t = (int64_t)(crmtest_rand(seed) >> crmtest_below(seed, 64));
        int32_t offset = crm__zone_offset(z, i & 1 ? t : -t);
        if (offset < -26 * 3600 || offset > 26 * 3600)
            ck_abort_msg("offset %d", offset);
        crm__zone_to_utc(z, i & 1 ? t : -t);
    }
    crm__zone_close(z);
}

CRM_TEST(test_base_zone__hostile_bytes_are_refused_or_harmless)
{
    static const int64_t when[3] = {-1000000000, 0, 1000000000};
    static const int32_t after[3] = {3600, 7200, -3600};
    uint64_t seed = crmtest_seed();

    for (int version = 1; version <= 2; version++) {
        const char *footer = version == 1 ? NULL : "EST5EDT,M3.2.0/2:30,M11.1.0";
        file f = make_file(when, after, 3, 1172, footer), g;
        for (size_t n = 0; n < f.n; n++) {
            crm__zone *z;
            use_bytes(f.p, n, &seed);
            ck_assert_int_eq(crm__zone_open_bytes(NULL, "x", f.p, n, &z, NULL), CRM_ECORRUPT);
        }
        for (size_t i = 0; i < crmtest_rounds(30000, 1000000); i++) {
            g = f;
            for (uint64_t k = 1 + crmtest_below(&seed, 4); k; k--)
                g.p[crmtest_below(&seed, g.n)] = (uint8_t)crmtest_rand(&seed);
            use_bytes(g.p, crmtest_below(&seed, 8) ? g.n : crmtest_below(&seed, g.n), &seed);
        }
    }
}

CRM_TEST(test_base_zone__faulty_tables_are_refused)
{
    static const int64_t backwards[2] = {5, 5}, huge[1] = {INT64_MIN};
    static const int32_t fine[2] = {0, 0}, far[1] = {100000}, lowest[1] = {INT32_MIN};
    const int64_t zero = 0;
    crm__zone *z;
    file f = make_file(backwards, fine, 2, 0, "");

    ck_assert_int_eq(crm__zone_open_bytes(NULL, "x", f.p, f.n, &z, NULL), CRM_ECORRUPT);
    f = make_file(huge, fine, 1, 0, "");
    ck_assert_int_eq(crm__zone_open_bytes(NULL, "x", f.p, f.n, &z, NULL), CRM_ECORRUPT);
    f = make_file(&zero, far, 1, 0, "");
    ck_assert_int_eq(crm__zone_open_bytes(NULL, "x", f.p, f.n, &z, NULL), CRM_ECORRUPT);
    f = make_file(&zero, lowest, 1, 0, "");
    ck_assert_int_eq(crm__zone_open_bytes(NULL, "x", f.p, f.n, &z, NULL), CRM_ECORRUPT);
    f = make_file(&zero, fine, 1, 0, "");
    memset(f.p + 20, 0xff, 24);
    ck_assert_int_eq(crm__zone_open_bytes(NULL, "x", f.p, f.n, &z, NULL), CRM_ECORRUPT);
    ck_assert_ptr_null(z);
    ck_assert_int_eq(crm__zone_open_bytes(NULL, "x", NULL, 0, &z, NULL), CRM_ECORRUPT);
}

/* ---- names ---- */

static void check_fixed(const char *name, int32_t offset)
{
    crm__zone *z = opened(name);

    ck_assert_int_eq(crm__zone_offset(z, 0), offset);
    ck_assert_int_eq(crm__zone_offset(z, INT64_MIN), offset);
    ck_assert_int_eq(crm__zone_to_utc(z, 0), -(int64_t)offset * US);
    crm__zone_close(z);
}

CRM_TEST(test_base_zone__fixed_offsets)
{
    setenv("TZDIR", crmtest_dir(), 1); /* none of these is a file */
    check_fixed("UTC", 0);
    check_fixed("Z", 0);
    check_fixed("Etc/UTC", 0);
    check_fixed("+08:00", 28800);
    check_fixed("+0800", 28800);
    check_fixed("+08", 28800);
    check_fixed("-0330", -12600);
    check_fixed("-00:30", -1800);
    check_fixed("+23:59", 86340);
    ck_assert_int_eq(crm__zone_offset(NULL, 5), 0);
    ck_assert_int_eq(crm__zone_to_utc(NULL, 5), 5);
    ck_assert_str_eq(crm__zone_name(NULL), "UTC");
    crm__zone_close(NULL);
}

CRM_TEST(test_base_zone__names_that_cannot_be)
{
    static const char *const bad[] = {
        "",
        "..",
        "../etc/passwd",
        "/etc/localtime",
        "Asia/../UTC",
        "Asia/",
        "Asia/Shang hai",
        "zone.tab",
        "A\nB",
        "+8",
        "+24:00",
        "+08:60",
        "+8:00",
        "-",
        "+08:0x",
        "\u5f20",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    crm__zone *z;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        crm_error err = CRM_ERROR_INIT;
        z = (crm__zone *)(void *)&err;
        ck_assert_int_eq(crm__zone_open(NULL, bad[i], &z, &err), CRM_EINVAL);
        ck_assert_ptr_null(z);
        ck_assert_int_eq(err.code, CRM_EINVAL);
    }
    ck_assert_int_eq(crm__zone_open(NULL, NULL, &z, NULL), CRM_EINVAL);
}

static void save(const char *path, const void *p, size_t n)
{
    FILE *out = fopen(path, "wb");

    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(p, 1, n, out), n);
    fclose(out);
}

CRM_TEST(test_base_zone__files_below_tzdir)
{
    int64_t when = 0;
    int32_t after = 3600;
    file f = make_file(&when, &after, 1, 60, "ABC-1");
    static char big[300 * 1024];
    crm__zone *z;

    setenv("TZDIR", crmtest_dir(), 1);
    ck_assert_int_eq(crm__zone_open(NULL, "My/Zone", &z, NULL), CRM_ENOTFOUND);
    ck_assert_int_eq(mkdir(crmtest_path("My"), 0700), 0);
    save(crmtest_path("My/Zone"), f.p, f.n);
    z = opened("My/Zone");
    check_change(z, 0, 60, 3600);
    crm__zone_close(z);
    ck_assert_int_eq(crm__zone_open(NULL, "My", &z, NULL), CRM_ENOTFOUND); /* a folder */
    ck_assert_int_eq(crm__zone_open(NULL, "My/Zone/x", &z, NULL), CRM_ENOTFOUND);
    save(crmtest_path("Text"), "# comment\n", 10);
    ck_assert_int_eq(crm__zone_open(NULL, "Text", &z, NULL), CRM_ECORRUPT);
    save(crmtest_path("Empty"), "", 0);
    ck_assert_int_eq(crm__zone_open(NULL, "Empty", &z, NULL), CRM_ECORRUPT);
    save(crmtest_path("Big"), big, sizeof big);
    ck_assert_int_eq(crm__zone_open(NULL, "Big", &z, NULL), CRM_ECORRUPT);
    ck_assert_int_eq(mkfifo(crmtest_path("Fifo"), 0600), 0);
    ck_assert_int_eq(crm__zone_open(NULL, "Fifo", &z, NULL), CRM_ENOTFOUND);
    /* A file that counts leap seconds is not for instants that do not. */
    f.p[44 + 6 + 4 + 31] = 1;
    memset(f.p + f.n, '\n', 12);
    save(crmtest_path("Leap"), f.p, f.n + 12);
    ck_assert_int_eq(crm__zone_open(NULL, "Leap", &z, NULL), CRM_EINVAL);
    ck_assert_ptr_null(z);
}

/* ---- memory ---- */

static void *count_alloc(size_t n, void *ctx)
{
    int *left = ctx;

    return (*left)-- > 0 ? malloc(n) : NULL;
}

static void *count_realloc(void *p, size_t n, void *ctx)
{
    int *left = ctx;

    return (*left)-- > 0 ? realloc(p, n) : NULL;
}

static void count_free(void *p, void *ctx)
{
    (void)ctx;
    free(p);
}

CRM_TEST(test_base_zone__out_of_memory_is_said)
{
    static const char *const names[] = {"+08:00", "Made"};
    file f = make_file(NULL, NULL, 0, 60, "ABC-1");
    crm__zone *z;

    setenv("TZDIR", crmtest_dir(), 1);
    save(crmtest_path("Made"), f.p, f.n);
    for (int i = 0; i < 2; i++) {
        for (int round = 0, rc = CRM_ENOMEM; rc != CRM_OK; round++) {
            int left = round;
            crm_allocator mem = {sizeof mem, count_alloc, count_realloc, count_free, &left};
            rc = crm__zone_open(&mem, names[i], &z, NULL);
            ck_assert(rc == CRM_OK || (rc == CRM_ENOMEM && !z));
            crm__zone_close(z);
            ck_assert_int_lt(round, 5);
        }
    }
}
