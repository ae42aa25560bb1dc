# SPDX-License-Identifier: MIT
"""The least data that tests/bench/crm_peer reads: bench-data.py FOLDER ROWS"""
import json
import os
import sys

HEAD = ("external_id,name,email,phone,company,city,country,gender,birth_date,source,lifecycle,score,"
        "created_at,tags")
CITIES = (("上海", "CN"), ("Berlin", "DE"), ("北京", "CN"), ("Paris", "FR"))


def row(i):
    city, country = CITIES[i % len(CITIES)]
    return [f"C{i * 7919 % 1000000:09d}", f"张{i}" if country == "CN" else f"Ana López {i}",
            "" if i % 12 == 0 else f"u{i}@example.com", "" if i % 16 == 0 else f"+8613{i:09d}",
            "" if i % 3 == 0 else f'"Shop {i}, Inc."', city, country, ("f", "m", "x", "")[i % 4],
            "" if i % 4 == 0 else f"19{70 + i % 30}-0{1 + i % 9}-1{i % 10}", "web",
            ("lead", "prospect", "active", "dormant", "lost")[i % 5], str(i % 1001),
            f"2024-0{1 + i % 9}-1{i % 10}T08:00:00Z", "value:high;region:east"]


def main():
    folder, count = sys.argv[1], int(sys.argv[2])
    rows = [row(i) for i in range(1, count + 1)]

    def write(name, lines):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write("".join(line + "\n" for line in lines))

    write("customers.csv", [HEAD] + [",".join(r) for r in rows])
    kinds = ("visit", "order", "quote", "email")
    events = [f"{rows[i * 31 % count][0]},{kinds[i % 4]},2025-0{1 + i % 9}-1{i % 10}T09:00:{i % 60:02d}Z,"
              + (f"{i % 500}.5,SKU-{i % 40:04d}," if i % 4 in (1, 2) else ",,") for i in range(5 * count)]
    write("events.csv", ["external_id,kind,time,amount,product,score"] + events)
    write("manifest.json", [json.dumps({"customers": count, "events": len(events)})])
    for name, column, absent in (("l1", 0, "C999999999"), ("l2", 2, "absent@example.com"), ("l3", 3, "+8613999999999")):
        write(f"keys_{name}.txt", [r[column] for r in rows if r[column]] + [absent])
    write("keys_u1.txt", [r[0] for r in rows])


main()
