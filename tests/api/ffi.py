#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The public API from Python through cffi in ABI mode, the headers unchanged.

Shows that a binding needs nothing but the headers and the shared library.  The library is the first
argument, else $LIBCRM, else libcrm.so.0 as the loader finds it; the headers are ../../include or
$CRM_INCLUDE.  Prints `N passed, N failed`.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import traceback

import cffi

HERE = os.path.dirname(os.path.abspath(__file__))
INCLUDE = os.environ.get("CRM_INCLUDE", os.path.join(HERE, "..", "..", "include"))
LIBRARY = (sys.argv[1:2] or [os.environ.get("LIBCRM", "libcrm.so.0")])[0]
CC = os.environ.get("CC", "cc").split()
NUL = 2**64 - 1


def preprocess(*flags):
    """The headers after the C preprocessor; cffi knows size_t and the like by itself."""
    with tempfile.TemporaryDirectory() as fake:
        for name in ("stddef.h", "stdint.h"):
            open(os.path.join(fake, name), "w").close()
        source = os.path.join(fake, "all.c")
        with open(source, "w") as f:
            f.write("#include <crm/crm.h>\n")
        return subprocess.run(
            CC + ["-E", "-P", "-nostdinc", "-U__GNUC__", "-I", fake, "-I", INCLUDE, *flags, source],
            check=True, stdout=subprocess.PIPE, text=True).stdout


def constants():
    found = re.findall(r"^#define (CRM_\w+) \(?(-?\d+)u?\)?$", preprocess("-dM"), re.M)
    return {name: int(value) for name, value in found}


NEW_BATCH = 2 ** 64 - 1  # CRM_BATCH_NEW, which is spelt as UINT64_MAX

ffi = cffi.FFI()
ffi.cdef(preprocess())
lib = ffi.dlopen(LIBRARY)
C = constants()


class CrmError(Exception):
    def __init__(self, err):
        self.code = err.code
        self.name = text(lib.crm_error_name(err.code))
        self.field = text(err.field)
        self.row = err.row
        self.offset = err.offset
        super().__init__("%s: %s" % (self.name, text(err.message)))


def text(p):
    return ffi.string(p).decode()


def maybe(p):
    return None if p == ffi.NULL else text(p)


def call(fn, *args):
    """Calls a function whose last parameter is a crm_error; an error becomes an exception."""
    err = ffi.new("crm_error *")
    lib.crm_error_init(err)
    rc = fn(*args, err)
    if rc < 0:
        assert err.code == rc, (rc, err.code)
        raise CrmError(err)
    return rc


def taken(p):
    """Text of a buffer that is ours now."""
    try:
        return text(p[0])
    finally:
        lib.crm_free(p[0])


class Txn:
    def __init__(self, db, mode, batch=0, **names):
        self.keep = {k: ffi.new("char[]", v.encode()) for k, v in names.items()}
        opts = ffi.new("crm_txn_options *")
        lib.crm_txn_options_init(opts)
        for name, value in self.keep.items():
            setattr(opts, name, value)
        opts.batch = batch
        out = ffi.new("crm_txn **")
        call(lib.crm_txn_begin, db.p, mode, opts, out)
        self.p = out[0]

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        p, self.p = self.p, None
        if kind:
            lib.crm_txn_abort(p)
        else:
            call(lib.crm_txn_commit, p)

    def create(self, doc):
        raw = json.dumps(doc).encode()
        out = ffi.new("crm_id *")
        call(lib.crm_customer_create_json, self.p, raw, len(raw), out)
        return out[0]

    def patch(self, id, doc, expected=0):
        raw = json.dumps(doc).encode()
        call(lib.crm_customer_patch_json, self.p, id, expected, raw, len(raw))

    def get(self, id):
        out = ffi.new("char **")
        call(lib.crm_customer_get_json, self.p, id, 0, out, ffi.NULL)
        return json.loads(taken(out))

    def add_event(self, id, doc):
        """Number of the event, and whether it was added: the customer may have it already."""
        raw = json.dumps(doc).encode()
        number = ffi.new("uint32_t *")
        rc = call(lib.crm_event_add_json, self.p, id, raw, len(raw), number)
        return number[0], rc == C["CRM_OK"]

    def events(self, id, flags=0, kinds=(), limit=0, after=None):
        opts = ffi.new("crm_event_list_options *")
        lib.crm_event_list_options_init(opts)
        found = ffi.new("crm_event_kind[]", max(len(kinds), 1))
        for i, name in enumerate(kinds):
            call(lib.crm_event_kind_find, self.p, name.encode(), NUL, found + i)
        opts.kinds, opts.kind_count, opts.flags, opts.limit = found, len(kinds), flags, limit
        if after:
            opts.after = after[0]
        it = ffi.new("crm_event_iter **")
        call(lib.crm_event_list, self.p, id, opts, it)
        event, document = ffi.new("crm_event **"), ffi.new("char **")
        try:
            while call(lib.crm_event_next, it[0], event) == C["CRM_OK"]:
                call(lib.crm_event_to_json, self.p, event[0], document, ffi.NULL)
                if after:
                    lib.crm_event_position_of(event[0], after)
                yield json.loads(taken(document))
        finally:
            lib.crm_event_list_close(it[0])

    def history(self, id):
        """(revision, action, actor, {field: (before, after)}), the newest first."""
        h = ffi.new("crm_history **")
        call(lib.crm_history_open, self.p, id, h)
        change = ffi.new("crm_change *")
        change.size = ffi.sizeof("crm_change")
        key, before, after = (ffi.new("const char **") for _ in range(3))
        try:
            while call(lib.crm_history_next, h[0], change) == C["CRM_OK"]:
                fields = {}
                for i in range(change.field_count):
                    call(lib.crm_history_field, h[0], i, key, before, after)
                    fields[text(key[0])] = (maybe(before[0]), maybe(after[0]))
                yield (change.revision, text(lib.crm_action_name(change.action)),
                       maybe(change.actor), fields)
        finally:
            lib.crm_history_close(h[0])

    def changes(self, after=0):
        it = ffi.new("crm_change_iter **")
        call(lib.crm_change_list, self.p, after, it)
        change, document = ffi.new("crm_change *"), ffi.new("char **")
        change.size = ffi.sizeof("crm_change")
        ids, count = ffi.new("crm_id[8]"), ffi.new("size_t *")
        try:
            while call(lib.crm_change_next, it[0], change) == C["CRM_OK"]:
                call(lib.crm_change_json, it[0], document, ffi.NULL)
                touched = []
                for which in ("CREATED", "CHANGED", "EVENTS"):
                    call(lib.crm_change_customers, it[0], C["CRM_CHANGE_" + which], 0, ids, 8,
                         count)
                    touched.append(list(ids)[:count[0]])
                yield json.loads(taken(document)), touched
        finally:
            lib.crm_change_close(it[0])

    def undo(self, revision, flags=0):
        told = []

        @ffi.callback("int(crm_id, uint64_t, void *)")
        def note(id, now, ctx):
            told.append((id, now))
            return 0

        result = ffi.new("crm_undo_result *")
        result.size = ffi.sizeof("crm_undo_result")
        try:
            call(lib.crm_undo, self.p, revision, flags, note, ffi.NULL, result)
        except CrmError as e:
            e.told = told
            raise
        return result, told

    def head(self):
        head = ffi.new("crm_head *")
        head.size = ffi.sizeof("crm_head")
        call(lib.crm_journal_head, self.p, head)
        return head

    def field(self, name):
        out = ffi.new("crm_field *")
        call(lib.crm_field_find, self.p, name.encode(), NUL, out)
        return out

    def find(self, name, value):
        ids, count = ffi.new("crm_id[4]"), ffi.new("size_t *")
        try:
            call(lib.crm_customer_find, self.p, self.field(name), ffi.NULL, value.encode(), NUL,
                 ids, 4, count)
        except CrmError as e:
            if e.code != C["CRM_ENOTFOUND"]:
                raise
        return list(ids)[:count[0]]

    def __iter__(self):
        out = ffi.new("crm_customer_iter **")
        call(lib.crm_customer_list, self.p, ffi.NULL, out)
        record = ffi.new("crm_customer **")
        document = ffi.new("char **")
        try:
            while call(lib.crm_customer_next, out[0], record) == C["CRM_OK"]:
                call(lib.crm_customer_to_json, self.p, record[0], 0, document, ffi.NULL)
                yield json.loads(taken(document))
        finally:
            lib.crm_customer_list_close(out[0])


    def segment(self, question):
        return Segment(self, question)


class Segment:
    """A question, parsed; asked in any transaction."""

    def __init__(self, txn, question):
        raw = question.encode()
        out = ffi.new("crm_segment **")
        call(lib.crm_segment_parse, txn.p, raw, len(raw), out)
        self.p = ffi.gc(out[0], lib.crm_segment_free)

    def text(self):
        out = ffi.new("char **")
        call(lib.crm_segment_text, self.p, out, ffi.NULL)
        return taken(out)

    def count(self, txn):
        out = ffi.new("uint64_t *")
        call(lib.crm_segment_count, txn.p, self.p, ffi.NULL, out)
        return out[0]

    def ids(self, txn, order=None, limit=0, after=None):
        """Ids page by page: (id, where to go on behind it)."""
        opts = ffi.new("crm_segment_options *")
        lib.crm_segment_options_init(opts)
        keep = [ffi.new("char[]", s.encode()) if s else ffi.NULL for s in (order, after)]
        opts.order, opts.after, opts.limit = keep[0], keep[1], limit
        it, id, key = ffi.new("crm_segment_iter **"), ffi.new("crm_id *"), ffi.new("char **")
        call(lib.crm_segment_list, txn.p, self.p, opts, it)
        try:
            while call(lib.crm_segment_next, it[0], id) == C["CRM_OK"]:
                call(lib.crm_segment_key, it[0], key)
                yield id[0], taken(key)
        finally:
            lib.crm_segment_list_close(it[0])

    def facet(self, txn, by):
        told = []

        @ffi.callback("int(const crm_facet *, void *)")
        def note(line, ctx):
            told.append((text(line.value), line.count))
            return 0

        call(lib.crm_segment_facet, txn.p, self.p, by.encode(), ffi.NULL, note, ffi.NULL)
        return told


class Db:
    def __init__(self, path):
        out = ffi.new("crm_db **")
        call(lib.crm_db_open, path.encode(), ffi.NULL, out)
        self.p = out[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        lib.crm_db_close(self.p)

    def read(self):
        return Txn(self, C["CRM_READ"])

    def write(self, **names):
        return Txn(self, C["CRM_WRITE"], **names)


def raises(name, fn, *args, **more):
    try:
        fn(*args, **more)
    except CrmError as e:
        assert e.name == name, e
        return e
    raise AssertionError("no " + name)


# ---- cases ----

def test_version(path):
    head = "%d.%d." % (C["CRM_VERSION_MAJOR"], C["CRM_VERSION_MINOR"])
    assert text(lib.crm_version()).startswith(head)
    assert text(lib.crm_error_name(C["CRM_ECONFLICT"])) == "CRM_ECONFLICT"


def test_create_get_find(path):
    with Db(path) as db:
        with db.write(actor="li.na", source="web-form") as t:
            id = t.create({"name": "张伟", "phone": "138 0013 8000", "score": 7})
            assert t.find("phone", "+8613800138000") == [id]
        with db.read() as t:
            doc = t.get(id)
            assert doc["name"] == "张伟" and doc["phone"] == ["+8613800138000"] and doc["score"] == 7
            assert t.find("手机号", "13800138000") == [id]
            assert t.find("phone", "13900139000") == []


def test_error_becomes_exception(path):
    with Db(path) as db:
        try:
            with db.write() as t:
                t.create({"name": "A"})
                t.create({"name": "A", "vip": "perhaps"})
            raise AssertionError("no exception")
        except CrmError as e:
            assert (e.name, e.field) == ("CRM_EVALUE", "vip"), e
        with db.read() as t:
            assert list(t) == []  # the block was dropped as a whole
        with db.write() as t:
            id = t.create({"name": "A"})
            revision = t.get(id)["revision"]
            t.patch(id, {"city": "X"}, revision)
            e = raises("CRM_ECONFLICT", t.patch, id, {"city": "Y"}, revision)
            assert e.row == revision + 1
            assert raises("CRM_EFIELD", t.create, {"nmae": "A"}).field == "nmae"
            raises("CRM_ENOTFOUND", t.get, 99)


def test_syntax_error_has_an_offset(path):
    with Db(path) as db, db.write() as t:
        e = raises("CRM_ESYNTAX", call, lib.crm_customer_create_json, t.p, b'{"name" 7}', NUL,
                   ffi.NULL)
        assert e.offset == 8, e.offset


def test_iterate(path):
    with Db(path) as db:
        with db.write() as t:
            for i in range(200):
                t.create({"name": "N%d" % i, "score": i})
        with db.read() as t:
            docs = list(t)
            assert [d["id"] for d in docs] == list(range(1, 201))
            assert [d["score"] for d in docs] == list(range(200))
            for doc in t:  # left early: the iterator is closed all the same
                if doc["id"] == 3:
                    break


def test_two_reading_threads(path):
    with Db(path) as db:
        with db.write() as t:
            for i in range(50):
                t.create({"name": "N%d" % i})
        faults = []

        def read():
            try:
                for _ in range(20):
                    with db.read() as t:
                        assert len(list(t)) == 50
                        assert t.get(7)["name"] == "N6"
            except BaseException as e:  # told on the main thread
                faults.append(e)

        threads = [threading.Thread(target=read) for _ in range(2)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert not faults, faults


def test_write_function(path):
    with Db(path) as db:
        seen = []

        @ffi.callback("int(crm_txn *, void *)")
        def work(txn, ctx):
            rc = lib.crm_customer_create_json(txn, b'{"name":"A"}', NUL, ffi.NULL, ffi.NULL)
            seen.append(rc)
            return C["CRM_ECANCELLED"] if len(seen) > 1 else rc

        call(lib.crm_db_write, db.p, ffi.NULL, work, ffi.NULL)
        raises("CRM_ECANCELLED", call, lib.crm_db_write, db.p, ffi.NULL, work, ffi.NULL)
        stat = ffi.new("crm_db_stat *")
        call(lib.crm_db_stat_get, db.p, ffi.sizeof("crm_db_stat"), stat)
        assert stat.customers == 1


def test_check(path):
    with Db(path) as db, db.write() as t:
        t.create({"name": "A"})
    faults = []

    @ffi.callback("void(const crm_fault *, void *)")
    def note(fault, ctx):
        faults.append(text(fault.message))

    opts = ffi.new("crm_check_options *")
    opts.size = ffi.sizeof("crm_check_options")
    opts.fault = note
    result = ffi.new("crm_check_result *")
    call(lib.crm_check, path.encode(), opts, ffi.sizeof("crm_check_result"), result)
    assert result.customers == 1 and not faults


def test_events(path):
    with Db(path) as db:
        with db.write(actor="li.na", source="shop") as t:
            id = t.create({"name": "张伟"})
            order = {"kind": "order", "time": "2026-01-05T10:00:00Z", "amount": "12.50 CNY",
                     "reference": "O-1"}
            assert t.add_event(id, order) == (1, True)
            assert t.add_event(id, order) == (1, False)
            assert t.add_event(id, {"kind": "通话", "time": "2026-02-01T00:00:00Z",
                                    "方向": "呼入"}) == (2, True)
            assert t.add_event(id, {"kind": "order", "time": "2026-01-06T00:00:00Z",
                                    "amount": "3.25 CNY", "voids": 1})[0] == 3
            e = raises("CRM_EVALUE", t.add_event, id, {"kind": "order", "amount": "x"})
            assert e.field == "amount", e.field
            raises("CRM_EFIELD", t.add_event, id, {"kind": "ordr"})
            raises("CRM_ENOTFOUND", t.add_event, id + 1, {"kind": "order"})
            raises("CRM_EEXISTS", call, lib.crm_event_void, t.p, id, 1)
        with db.read() as t:
            assert [e["number"] for e in t.events(id)] == [2, 3]
            assert [e["number"] for e in t.events(id, C["CRM_EVENTS_ALL"])] == [2, 3, 1]
            assert [e["number"] for e in t.events(id, C["CRM_EVENTS_OLDEST"], ("订单",))] == [3]
            first = next(t.events(id))
            assert (first["kind"], first["direction"]) == ("call", "in"), first
            after = ffi.new("crm_event_position *")
            assert [e["number"] for e in t.events(id, limit=1, after=after)] == [2]
            assert [e["number"] for e in t.events(id, limit=1, after=after)] == [3]
            document = ffi.new("char **")
            call(lib.crm_event_totals_json, t.p, id, document, ffi.NULL)
            assert json.loads(taken(document))["order"]["sums"] == {"amount": {"CNY": "3.25"}}


def test_history(path):
    with Db(path) as db:
        with db.write(actor="li.na") as t:
            id = t.create({"name": "Ann", "city": "Rome"})
            created = t.get(id)["revision"]
        with db.write(actor="wang") as t:
            t.patch(id, {"city": "上海", "phone": ["13800138000"]})
        with db.read() as t:
            changes = list(t.history(id))
            assert [c[1:3] for c in changes] == [("update", "wang"), ("create", "li.na")], changes
            assert changes[0][3] == {"city": ("Rome", "上海"),
                                     "phone": (None, '["+8613800138000"]')}, changes[0]
            assert changes[1][0] == created and changes[1][3]["city"] == (None, "Rome")
            record = ffi.new("crm_customer **")
            call(lib.crm_customer_new, t.p, record)
            call(lib.crm_customer_get_at, t.p, id, created, record[0])
            document = ffi.new("char **")
            call(lib.crm_customer_to_json, t.p, record[0], 0, document, ffi.NULL)
            assert json.loads(taken(document))["city"] == "Rome"
            raises("CRM_ENOTFOUND", call, lib.crm_customer_get_at, t.p, id, created - 1, record[0])
            lib.crm_customer_free(record[0])
            raises("CRM_ENOTFOUND", lambda: list(t.history(id + 1)))


def test_undo(path):
    with Db(path) as db:
        with db.write(batch=NEW_BATCH) as t:
            ids = [t.create({"name": "N%d" % i}) for i in range(3)]
            batch = lib.crm_txn_batch(t.p)
        with db.write() as t:
            t.patch(ids[1], {"city": "X"})
            now = t.get(ids[1])["revision"]
        with db.write() as t:
            e = raises("CRM_ECONFLICT", t.undo, batch)
            assert e.told == [(ids[1], now)], e.told
            result, told = t.undo(batch, C["CRM_UNDO_SKIP"] | C["CRM_UNDO_DRY_RUN"])
            assert (result.deleted, result.skipped, told) == (2, 1, [(ids[1], now)])
            assert len(list(t)) == 3  # rehearsed only
            result, _ = t.undo(batch, C["CRM_UNDO_SKIP"])
            assert (result.deleted, result.restored, result.skipped) == (2, 0, 1)
            assert [d["id"] for d in t] == [ids[1]]
            raises("CRM_ENOTFOUND", t.undo, 999)
            undone = result.batch
        with db.write() as t:
            raises("CRM_ESTATE", t.undo, batch)  # undone already
            result, _ = t.undo(undone)
            assert result.restored == 2
        with db.read() as t:
            assert [d["id"] for d in t] == ids


def test_segment(path):
    with Db(path) as db:
        with db.write() as t:
            for i in range(100):
                t.create({"name": "N%02d" % i, "score": i, "city": "上海" if i % 4 else "北京"})
        with db.read() as t:
            s = t.segment("评分 >= 50 and 城市 = 上海")
            assert s.text() == 'score >= 50 and city = "上海"'
            wanted = [i + 1 for i in range(50, 100) if i % 4]
            assert s.count(t) == len(wanted)
            assert [id for id, _ in s.ids(t)] == wanted
            assert s.facet(t, "city") == [("上海", len(wanted))]
            assert t.segment("all").facet(t, "city") == [("上海", 75), ("北京", 25)]
            e = raises("CRM_EFIELD", t.segment, "城市 = 上海 and scroe > 5")
            assert e.offset == len("城市 = 上海 and ".encode()), e.offset
            assert "score" in str(e)
            raises("CRM_ESYNTAX", t.segment, "score >")
            raises("CRM_EVALUE", t.segment, "score > high")
            raises("CRM_EFIELD", lambda: list(s.ids(t, "nmae")))
        with db.write() as t:
            t.create({"name": "new", "score": 99, "city": "上海"})
        found, after = [], None
        while True:  # pages of ten, each in a transaction of its own
            with db.read() as t:
                page = list(s.ids(t, "score desc, name", 10, after))
            if not page:
                break
            found += [id for id, _ in page]
            after = page[-1][1]
        assert found == wanted[-1:] + [101] + wanted[-2::-1], found


def test_changes(path):
    with Db(path) as db:
        with db.write(actor="li.na") as t:
            id = t.create({"name": "A"})
            t.add_event(id, {"kind": "visit"})
            t.patch(id, {"city": "X"})
        with db.write(batch=NEW_BATCH) as t:
            t.create({"name": "B"})
            t.patch(id, {"city": "Y"})
        with db.read() as t:
            seen = list(t.changes())
            assert [c["action"] for c, _ in seen] == ["model", "create", "event", "update", "batch"]
            assert seen[3][0]["fields"] == ["city"] and seen[3][0]["actor"] == "li.na"
            assert [touched for _, touched in seen[1:]] == [
                [[id], [], []], [[], [], [id]], [[], [id], []], [[id + 1], [id], []]]
            last = seen[-1][0]["revision"]
            assert list(t.changes(last)) == [] and len(list(t.changes(last - 2))) == 2
        now = ffi.new("uint64_t *")
        assert call(lib.crm_db_wait, db.p, last, 0, now) == C["CRM_DONE"] and now[0] == last

        def write():
            with db.write() as t:
                t.patch(id, {"city": "Z"})

        writer = threading.Thread(target=write)
        writer.start()
        assert call(lib.crm_db_wait, db.p, last, 10000, now) == C["CRM_OK"] and now[0] == last + 1
        writer.join()


def test_verify(path):
    with Db(path) as db:
        with db.write() as t:
            id = t.create({"name": "A"})
        with db.read() as t:
            kept = t.head()
        with db.write() as t:
            t.patch(id, {"city": "X"})
        with db.read() as t:
            call(lib.crm_journal_verify, t.p, kept, 1, ffi.NULL, ffi.NULL)
            assert t.head().revision == kept.revision + 1
            kept.chain[0] ^= 1
            e = raises("CRM_ECORRUPT", call, lib.crm_journal_verify, t.p, kept, 1, ffi.NULL,
                       ffi.NULL)
            assert e.row == kept.revision


def main():
    passed = failed = 0
    for name, case in sorted(globals().items()):
        if not name.startswith("test_"):
            continue
        folder = tempfile.mkdtemp(prefix="crm-ffi-")
        try:
            case(os.path.join(folder, "db"))
            passed += 1
        except Exception:
            failed += 1
            print("%s failed" % name)
            traceback.print_exc(file=sys.stdout)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
