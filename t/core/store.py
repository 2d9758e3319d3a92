"""TAP: the store of the sandbox's core.  Run by t/815-core-store.t."""

import os
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "..", "sandbox", "lib"))

from oofbox.core.store import UNITS, Store

count = 0


def ok(good, name):
    global count
    count += 1
    print("%sok %d - %s" % ("" if good else "not ", count, name), flush=True)


def put(name, value):
    return lambda db: db.set(name, value)


def get(name):
    return lambda db: db.setting(name)


def failing(db):
    db.set("half", "done")
    raise LookupError("on purpose")


with tempfile.TemporaryDirectory() as folder:
    store = Store(os.path.join(folder, "test.sqlite"))

    ok(store.run(lambda db: db.one("PRAGMA synchronous")[0]) == 2,
       "synchronous is FULL")
    ok(store.run(lambda db: db.one("PRAGMA journal_mode")[0]) == "wal",
       "the journal is a WAL")

    store.run(put("a", 1))
    ok(store.run(get("a")) == "1", "what was written is read")

    # a unit that fails among many: held back until all have queued

    gate, held = threading.Event(), threading.Event()
    results = {}

    def client(name, unit):
        try:
            results[name] = store.run(unit)
        except Exception as e:
            results[name] = e

    def wait(db):
        held.set()
        gate.wait(60)

    # the failure's trace belongs on stderr, not into the test's

    sys.stderr = open(os.devnull, "w")

    threads = [threading.Thread(target=client, args=("wait", wait))]
    threads[0].start()
    held.wait()
    threads += [threading.Thread(target=client,
                                 args=(i, failing if i == 7
                                       else put("n%d" % i, i)))
                for i in range(3 * UNITS)]
    for thread in threads[1:]:
        thread.start()
    while store.queue.qsize() < 3 * UNITS:
        time.sleep(0.001)
    commits = []
    store.on_change.append(lambda: commits.append(1))
    gate.set()
    for thread in threads:
        thread.join()

    ok(isinstance(results[7], LookupError), "a failing unit's error is told")
    ok(store.run(get("half")) is None, "it has written nothing")
    ok(all(store.run(get("n%d" % i)) == str(i)
           for i in range(3 * UNITS) if i != 7), "all others are written")
    ok([i for i in results if isinstance(results[i], Exception)] == [7],
       "and told so")
    ok(len(commits) <= 4, "many units, few commits: %d" % len(commits))

    # another process sees it

    ok(Store(os.path.join(folder, "test.sqlite")).run(get("n5")) == "5",
       "what was written is in the file")

print("1..%d" % count)
sys.stdout.flush()
os._exit(0)
