"""The rule clock: the system's and an offset, which is kept, so that a core
that was killed still agrees with nginx.  Waiting goes by the real clock."""

import datetime
import time
import zoneinfo

try:
    BRASILIA = zoneinfo.ZoneInfo("America/Sao_Paulo")
except zoneinfo.ZoneInfoNotFoundError:
    BRASILIA = datetime.timezone(datetime.timedelta(hours=-3))


class Clock:
    def __init__(self, store):
        self.store = store
        self.offset = int(store.run(
            lambda db: db.setting("clock.offset", "0")))

    def set(self, offset):
        self.store.run(lambda db: db.set("clock.offset", offset))
        self.offset = offset

    def now(self):
        """Seconds since the epoch."""

        return int(time.time()) + self.offset

    def today(self):
        return day(self.now())


def day(seconds):
    """The day in Brasilia, as YYYY-MM-DD."""

    return datetime.datetime.fromtimestamp(seconds, BRASILIA).date() \
        .isoformat()


def text(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def is_day(value):
    if not isinstance(value, str) or len(value) != 10:
        return False
    try:
        datetime.date.fromisoformat(value)
    except ValueError:
        return False
    return True
