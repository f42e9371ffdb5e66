"""DuckDB's side of the comparison, and a stopwatch for the processes of both sides.

`duckdb_side.py load KIND SOURCE DATABASE THREADS ORDER` makes a database and ends. Without
arguments it answers requests, one JSON object a line. A stopwatch has to be a process that has
never imported DuckDB: the kernel counts the memory of who starts a process as that process's own.
"""

import json
import os
import subprocess
import sys
import time

# Every message is parsed once: an extraction for each field takes 1.6 times the CPU time.
SHAPE = {
    "traceId": "VARCHAR",
    "event": {
        "eventName": "VARCHAR",
        "messageId": "VARCHAR",
        "from": "VARCHAR",
        "subject": "VARCHAR",
        "recipient": "VARCHAR",
        "recipients": ["VARCHAR"],
        "bouncedRecipient": {"emailAddress": "VARCHAR", "status": "VARCHAR"},
        "folder": "VARCHAR",
        "spamVerdict": "VARCHAR",
    },
}

# The originals whole, as mailtrace keeps them, and what the questions need. Logs have message IDs
# with and without brackets.
TABLE = """
CREATE TABLE events AS
SELECT ts, {envelope}, message,
       m.traceId AS trace_id, m.event.eventName AS event_name,
       trim(m.event.messageId, '<>') AS message_id,
       lower(m.event."from") AS sender, m.event.subject AS subject,
       lower(m.event.recipient) AS recipient, m.event.recipients AS recipients,
       lower(m.event.bouncedRecipient.emailAddress) AS bounced,
       m.event.bouncedRecipient.status AS status,
       m.event.folder AS folder, m.event.spamVerdict AS spam
FROM (SELECT *, json_transform(message, '{shape}') AS m FROM ({source}))
"""

NDJSON = """
SELECT make_timestamp_ms("timestamp") AS ts, * FROM read_json(?, format = 'newline_delimited',
    columns = {timestamp: 'BIGINT', eventId: 'VARCHAR', logStreamName: 'VARCHAR',
               ingestionTime: 'BIGINT', message: 'VARCHAR'})
"""

# Lines of time, blank and message. No line has the delimiter in it.
S3_EXPORT = """
SELECT CAST(left(line, 23) AS TIMESTAMP) AS ts, substr(line, 26) AS message,
       split_part(filename, '/', -2) AS logStreamName
FROM read_csv(? || '/**/*.gz', columns = {line: 'VARCHAR'}, delim = '\x01', quote = '',
    escape = '', header = false, auto_detect = false, filename = true)
"""

SOURCES = {
    "ndjson": ("eventId, logStreamName, ingestionTime", NDJSON),
    "s3-export": ("logStreamName", S3_EXPORT),
}

COUNT_BY_NAME = "SELECT event_name, count(*) FROM events GROUP BY 1"

# Who was named as recipient of which leg, and whom an event of the leg speaks of again.
LEGS = """
WITH named AS (
    SELECT trace_id, sender, lower(unnest(recipients)) AS address FROM events
    WHERE event_name IN ('ORGANIZATION_EMAIL_RECEIVED', 'OUTGOING_EMAIL_SUBMITTED'){}),
decided AS (
    SELECT trace_id, coalesce(recipient, bounced) AS address FROM events
    WHERE event_name IN ('MAILBOX_EMAIL_DELIVERED', 'OUTGOING_EMAIL_SENT',
                         'INCOMING_EMAIL_BOUNCED', 'OUTGOING_EMAIL_BOUNCED'))
"""
OF_A_DAY = " AND ts >= make_timestamp_ms({0}) AND ts < make_timestamp_ms({0} + 86400000)"

# Recipients of whom nothing more was heard.
UNDELIVERED = "SELECT count(*) FROM named ANTI JOIN decided USING (trace_id, address)"


# By a part of something: how many there are, and the newest.
BY_PART = """
SELECT count(*) OVER (), ts, message FROM events WHERE {} ORDER BY ts DESC LIMIT 5
"""
QUERIES = {
    "count-by-name": COUNT_BY_NAME,
    "count-by-name-and-hour": """
        SELECT date_trunc('hour', ts), event_name, count(*) FROM events GROUP BY 1, 2""",
    "undelivered": LEGS.format("") + UNDELIVERED,
    "undelivered-of-a-day": LEGS.format(OF_A_DAY) + UNDELIVERED,
    "messages-by-sender": LEGS.format("")
    + """
        SELECT sender, count(DISTINCT trace_id) AS messages, count(*) AS recipients,
               count(*) FILTER (decided.address IS NULL) AS undelivered
        FROM named LEFT JOIN (SELECT DISTINCT * FROM decided) AS decided USING (trace_id, address)
        GROUP BY 1 ORDER BY 2 DESC LIMIT 100""",
    "infix": BY_PART.format("subject ILIKE '%voice%'"),
    "regex-of-a-day": BY_PART.format(
        "regexp_matches(subject, 'inv.*42', 'i')" + OF_A_DAY
    ),
    "id-pattern": BY_PART.format("message_id LIKE '%a1b2c%'"),
    "delivered-by-recipient": """
        SELECT recipient, count(*) AS c FROM events
        WHERE event_name = 'MAILBOX_EMAIL_DELIVERED' GROUP BY 1 ORDER BY 2 DESC LIMIT 10000""",
    "invoices-by-day": """
        SELECT date_trunc('day', ts), count(*) FROM events
        WHERE regexp_matches(subject, 'invoice', 'i') GROUP BY 1""",
}


def connect(database, threads):
    import duckdb

    connection = duckdb.connect(database)
    connection.execute(f"SET threads = {int(threads)}")
    return connection


def load(kind, source, database, threads, order):
    connection = connect(database, threads)
    keeps_order = "true" if order == "in-order" else "false"
    connection.execute(f"SET preserve_insertion_order = {keeps_order}")
    envelope, read = SOURCES[kind]
    table = TABLE.format(envelope=envelope, shape=json.dumps(SHAPE), source=read)
    connection.execute(table, [source])
    connection.execute("CHECKPOINT")
    connection.close()


def run(argv):
    """Runs a process to its end. Its output is dropped."""
    started = time.perf_counter()
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "status": child.returncode,
        "wall_s": wall,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * unit,
    }


class Session:
    """An open database, with the indexes that a look-up by ID wants."""

    def __init__(self, database, threads):
        self.connection = connect(database, threads)
        self.connection.execute("CREATE INDEX IF NOT EXISTS by_trace ON events(trace_id)")
        self.connection.execute("CREATE INDEX IF NOT EXISTS by_message ON events(message_id)")
        self.connection.execute("CHECKPOINT")

    def rows(self, query, *values):
        return self.connection.execute(query, values).fetchall()

    def trace(self, message_id):
        # One query with a join takes as long in the middle and twice as long at the worst.
        by_message = "SELECT trace_id FROM events WHERE message_id = ?"
        by_trace = "SELECT * FROM events WHERE trace_id = ?"
        legs = set(self.rows(by_message, message_id.strip("<>")))
        return [row for leg in legs for row in self.rows(by_trace, *leg)]

    def answer(self, request):
        if request["ask"] == "trace":
            return timed(self.trace(it) for it in request["ids"])
        query = QUERIES[request["ask"]].replace("{0}", str(int(request.get("from", 0))))
        return timed(self.rows(query) for _ in range(request["runs"]))


def timed(answers):
    """How long each answer of a lazy row takes, and the rows of all together."""
    seconds, row_count = [], 0
    while True:
        started = time.perf_counter()
        answer = next(answers, None)
        if answer is None:
            return {"seconds": seconds, "rows": row_count}
        seconds.append(time.perf_counter() - started)
        row_count += len(answer)


def main():
    if sys.argv[1:2] == ["load"]:
        return load(*sys.argv[2:])
    session = None
    for line in sys.stdin:
        request = json.loads(line)
        if request["ask"] == "run":
            answer = run(request["argv"])
        elif request["ask"] == "open":
            session = Session(request["database"], request["threads"])
            answer = {}
        else:
            answer = session.answer(request)
        print(json.dumps(answer), flush=True)


main()
