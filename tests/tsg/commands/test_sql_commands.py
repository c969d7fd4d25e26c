"""What SQL, KQL and mongosh in guides do. Nothing here is ever executed."""

from __future__ import annotations

import pytest

from tsg.commands import Does, Language, read_code

LETTERS = {"R": Does.READS, "C": Does.CHANGES, "D": Does.CHANGES, "?": Does.UNKNOWN, "-": Does.NOTHING}
SQL = """
R SELECT 1
R SELECT * FROM pg_stat_activity WHERE state = 'active';
R select count(*) from t where d > now() - interval '1 hour'
R WITH a AS (SELECT 1) SELECT * FROM a
R SHOW PROCESSLIST
R SHOW VARIABLES LIKE 'max%'
R DESCRIBE t
R EXPLAIN SELECT * FROM t
R EXPLAIN ANALYZE SELECT * FROM t
R EXPLAIN DELETE FROM t
R SELECT * FROM t WHERE id = {{ id }}
R SELECT * FROM t WHERE id = <ID>
R SELECT TOP 10 * FROM sys.dm_exec_requests
R SELECT 'drop table x'
R SELECT a FROM b UNION SELECT c FROM d
R (SELECT 1)
R \\dt+
- BEGIN
- COMMIT
- USE db
C UPDATE t SET a = 1
C INSERT INTO t VALUES (1)
C CREATE INDEX CONCURRENTLY i ON t (a)
C ALTER TABLE t ADD c int
C ALTER SYSTEM SET work_mem = '1GB'
C GRANT ALL ON t TO u
C VACUUM FULL t
C REINDEX TABLE t
C SELECT pg_terminate_backend(pid) FROM pg_stat_activity
C SELECT pg_cancel_backend(123)
C SELECT pg_reload_conf()
C SELECT nextval('s')
C SELECT * INTO x FROM t
C WITH a AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM a
C EXPLAIN ANALYZE UPDATE t SET a = 1
C CALL fix()
C EXEC sp_fix
C SET GLOBAL read_only = 1
C SELECT * FROM t INTO OUTFILE '/tmp/x'
C MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE SET b = 1
C OPTIMIZE TABLE t
D DROP TABLE t
D DELETE FROM t WHERE a = 1
D TRUNCATE TABLE t
D WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a
D EXPLAIN ANALYZE DELETE FROM t
D KILL 123
D SELECT 1; DROP TABLE t
"""
MONGO = """
R db.tokens.find({})
R db.tokens.countDocuments({a: 1})
R rs.status()
R db.serverStatus().connections
R db.currentOp()
R db.adminCommand({ping: 1})
R db.getCollection('x').find().sort({a: 1}).limit(5)
D db.tokens.deleteMany({})
D db.tokens.drop()
D db.dropDatabase()
D db.killOp(5)
C db.tokens.updateOne({a: 1}, {$set: {b: 2}})
C db.tokens.insertOne({a: 1})
C rs.stepDown()
C rs.reconfig(c)
C db.adminCommand({setParameter: 1})
C db.tokens.aggregate([{$out: 'x'}])
C db.tokens.createIndex({a: 1})
"""
KQL = """
R Heartbeat | where TimeGenerated > ago(1h)
R let x = 1; Perf | take 5
R .show tables
C .alter table T (a: string)
C .set-or-append T <| x
D .drop table T
D .purge table T records
"""


def rows(text: str) -> list[object]:
    return [pytest.param(r[0], r[2:], id=r[2:][:60]) for r in text.strip().splitlines()]


def check(letter: str, tag: str, text: str) -> None:
    rank = [Does.NOTHING, Does.READS, Does.UNKNOWN, Does.CHANGES]
    found = max(read_code(tag, text, 1).commands, key=lambda c: (rank.index(c.does), c.destructive))
    assert (found.does, found.destructive) == (LETTERS[letter], letter == "D"), found


@pytest.mark.parametrize(("letter", "text"), rows(SQL))
def test_what_sql_does(letter: str, text: str) -> None:
    check(letter, "sql", text)


@pytest.mark.parametrize(("letter", "text"), rows(MONGO))
def test_what_mongosh_does(letter: str, text: str) -> None:
    check(letter, "javascript", text)


@pytest.mark.parametrize(("letter", "text"), rows(KQL))
def test_what_kql_does(letter: str, text: str) -> None:
    check(letter, "kql", text)


QUOTABLE = "\n".join(row for row in SQL.splitlines() if not set(row) & set('"{<'))


@pytest.mark.parametrize(("letter", "text"), rows(QUOTABLE))
def test_a_client_does_what_it_is_told(letter: str, text: str) -> None:
    check(letter, "bash", f'psql -U app -c "{text}"')


def test_statements_have_lines_and_comments_are_remarks() -> None:
    block = read_code("sql", "-- who waits\nSELECT 1\n  FROM t;\n\n-- end it\nSELECT pg_terminate_backend(1);", 20)
    assert block.language is Language.SQL
    assert [(c.lines.first, c.lines.last, c.does) for c in block.commands] == [
        (21, 22, Does.READS),
        (25, 25, Does.CHANGES),
    ]
    assert [p.text for p in block.parts if p not in block.commands] == ["who waits", "end it"]
