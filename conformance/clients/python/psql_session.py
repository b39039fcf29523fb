"""What people do in psql: every command that shows what there is, tab completion in a terminal, \\watch, \\copy."""
import os
import re
import subprocess
import tempfile

import pexpect

from report import GATEWAY, holds, same, version

os.environ.update(PSQL_PAGER="", PSQLRC="/dev/null", PSQL_HISTORY="/dev/null", TERM="dumb", PGCLIENTENCODING="UTF8")
FOLDER = tempfile.TemporaryDirectory()


def ours(out):
    """Lines about schemas that only the gateway has are left out."""
    return "\n".join(l for l in out.splitlines() if "c2d" not in l.split("|")[0] and "||c2d" not in l)


def psql(script, *args):
    done = subprocess.run(["psql", "-X", "-A", "-q", *args], input=script, capture_output=True, text=True, timeout=120)
    return ours(done.stdout + done.stderr)


def each(commands):
    """What each command shows, all in one session."""
    done = subprocess.run(["psql", "-X", "-A", "-q"], input="".join("\\echo @@\n\\warn @@\n%s\n" % c for c in commands), capture_output=True, text=True, timeout=300)
    out, errors = done.stdout.split("@@\n")[1:], done.stderr.split("@@\n")[1:]
    if len(out) != len(commands) or len(errors) != len(commands):
        raise RuntimeError("%d commands, %d answers: %s" % (len(commands), len(out), done.stderr[-300:]))
    return [ours(o + e) for o, e in zip(out, errors)]


version(subprocess.run(["psql", "--version"], capture_output=True, text=True).stdout.split()[2])
# Commands that print no more than what both servers have.
COMMANDS = ["\\" + " ".join(c.split()) for c in r"""\d \dS pg_class \d people \d+ people \d sites \d+ visits \d people_pkey \d+ people_pkey \d nothing \d public.* \d peop* \d "people"
    \da public.* \dA \dA+ \dAc btree int4 \dAf btree int4 \dAo btree int4_ops \dAp btree int4_ops \db \dC bool \dconfig application_name \dd people \dD public.*
    \ddp \dE \dE+ \des \det \deu \dew \dF \dF+ english \dFd \dFp \dFt \df public.* \df pg_catalog.array_a* \df+ pg_catalog.lower \dfa public.* \dfn array_append \dg rosa \di
    \dis \dit \dL \dm \dm+ \dn public \do pg_catalog.+ \do+ pg_catalog.|| \dO pg_catalog.C \dp sites_x \dP \dPi \dPn \dPt \drds nobody \dRp \dRs \ds \ds+ \dt \dt people
    \dt public.pe* \dT public.* \dT pg_catalog.int4 \dT+ pg_catalog.bool \du nobody \dv public.* \dx plpgsql \dX \dy \l trial_x \list nothing \sf pg_catalog.lower(text)
    \z nothing \encoding \do+_x
    \da+ array_agg \daS sum \db+ \dc \dcS+ utf8_to* \dC+ money \dAc+ hash \dAf+ hash \dAo+ hash float_ops \dAp+ hash float_ops \dd \ddS pg_catalog.lower \dD+ \dDS+ information_schema.*
    \det+ \des+ \deu+ \dew+ \df- \df nothing \dfS lower \dft public.* \dfw+ rank \dfp public.* \dfnS+ pg_catalog.array_append \df array_position anyarray anyelement \df * bigint text
    \dF+ simple \dFd+ simple \dFp+ \dFt+ \dFt+ snowball \dg+ rosa \dgS pg_monitor \di public.* \diS pg_am* \dlS \dL+ \dLS+ internal \dmS+ \dnS information_schema \doS ^@ \doS+ @> jsonb jsonb
    \dO+ "C" \dOS POSIX \dP+ \dPti \dPtn+ \dRp+ \dRs+ \dsS+ \dtS pg_am \dti people* \dtvmsE public.* \dTS+ pg_catalog.int4range \dT+ nothing \du+ nobody \duS pg_read_all_data
    \dvS pg_user \dvS+ pg_views \dx+ plpgsql \dX+ \dy+ \l+ nothing \sf+ pg_catalog.overlaps(timestamp,interval,timestamp,interval) \sv pg_catalog.pg_user \sv+ pg_catalog.pg_views
    \zS pg_am \dconfig+ *timezone* \dconfig nothing \dp+ nothing \dS+ pg_catalog.pg_am \d pg_am_name_index \d+ information_schema.schemata \dt nothing.* \dt *.people \dt trial.public.people
    \dt a.b.c.d \dX public.* \dfx \dblurb""".split("\\")[1:]]
for command, shown in zip(COMMANDS, each(COMMANDS)):
    same(command, lambda: shown)
for command in ("\\d+", "\\dt+", "\\di+"):
    same(command + " without sizes", lambda: re.sub(r"\|(heap|btree)\|[^|]*\|", r"|\1|size|", psql(command + "\n")))
PARTS = "SELECT city, sex, count(*) FROM people GROUP BY city, sex ORDER BY 1, 2"
for name, script in {
    "gdesc": PARTS + " \\gdesc\n", "gset": "SELECT count(*) AS n FROM people \\gset\n\\echo :n\n", "gexec": "SELECT 'SELECT count(*) FROM people' \\gexec\n",
    "gx": "SELECT count(*) FROM people \\gx\n", "g": PARTS + " \\g (format=csv)\n", "g program": PARTS + " \\g | wc -l\n",
    "crosstabview": PARTS + " \\crosstabview city sex count\n", "FETCH_COUNT": "\\set FETCH_COUNT 2\n%s;\n" % PARTS,
    "ON_ERROR_ROLLBACK": "\\set ON_ERROR_ROLLBACK on\nBEGIN;\nSELECT nothing FROM people;\nSELECT count(*) FROM people;\nCOMMIT;\n",
    "variables": "\\set least 30\nSELECT count(*) FROM people WHERE age >= :least AND sex <> :'least';\n", "if": "\\if true\nSELECT count(*) FROM people;\n\\endif\n",
    "copy to stdout": "\\copy (%s) to stdout csv header\n" % PARTS, "copy to a program": "\\copy (%s) to program 'sort -r'\n" % PARTS,
    "copy to a file": "\\copy (%s) to '%s/out'\n\\! cat %s/out\n" % (PARTS, FOLDER.name, FOLDER.name), "copy a query in a file": "\\copy (SELECT count(*) FROM people WHERE age > 30) to stdout with (format text)\n", "copy the catalog": "\\copy (SELECT amname FROM pg_am ORDER BY 1) to stdout\n",
    "set from columns": "SELECT count(*) AS n, avg(age) AS a FROM people \\gset x_\n\\echo :x_n :x_a\n", "FETCH_COUNT in a transaction": "\\set FETCH_COUNT 3\nBEGIN;\n%s;\nSELECT nothing FROM people;\nROLLBACK;\n" % PARTS,
    "ON_ERROR_STOP": "\\set ON_ERROR_STOP on\nSELECT nothing FROM people;\nSELECT 1;\n", "AUTOCOMMIT off": "\\set AUTOCOMMIT off\nSELECT count(*) FROM people;\nSELECT nothing FROM people;\nSELECT 1;\nROLLBACK;\n",
    "ECHO_HIDDEN": "\\set ECHO_HIDDEN on\n\\d sites\n", "SHOW_ALL_RESULTS off": "\\set SHOW_ALL_RESULTS off\nSELECT 1\\; SELECT count(*) FROM people;\n", "expanded": "\\x auto\n%s;\n" % PARTS,
    "crosstabview sorted": PARTS + " \\crosstabview city sex count sex\n", "gdesc of the catalog": "SELECT * FROM pg_class \\gdesc\n", "gdesc without columns": "SELECT \\gdesc\n",
    "ROW_COUNT and SQLSTATE": "%s;\n\\echo :ROW_COUNT :SQLSTATE\nSELECT nothing FROM people;\n\\echo :ERROR :SQLSTATE :LAST_ERROR_MESSAGE\n" % PARTS, "VERBOSITY sqlstate": "\\set VERBOSITY sqlstate\nSELECT nothing FROM people;\nSELECT * FROM nowhere;\n",
    "a cursor": "BEGIN;\nDECLARE c SCROLL CURSOR FOR %s;\nFETCH 2 FROM c;\nMOVE 2 IN c;\nFETCH PRIOR FROM c;\nFETCH FIRST FROM c;\nFETCH ABSOLUTE -1 FROM c;\nFETCH RELATIVE 0 FROM c;\nCLOSE c;\nCOMMIT;\n" % PARTS, "encoding": "\\encoding latin1\nSELECT city, count(*) FROM people GROUP BY city ORDER BY city;\n",
    "help": "\\h SELECT\n", "dt in a broken transaction": "BEGIN;\nSELECT 1/0;\n\\dt\nROLLBACK;\n", "reconnect": "\\c\nSELECT count(*) FROM people;\n\\c trial rosa\nSELECT 1;\n",
    "copy binary": "\\copy (%s) to program 'md5sum' binary\n" % PARTS,
    "errverbose": "SELECT nothing FROM people;\n\\errverbose\n", "two in a line": "SELECT 1\\; SELECT count(*) FROM people\\; SELECT 3;\n",
    "watch": "\\set ON_ERROR_STOP on\nSELECT count(*) FROM people \\watch 0.1\n", "timing": "\\timing on\n\\timing off\nSELECT count(*) FROM people;\n",
    "prepare": "PREPARE p(int) AS SELECT count(*) FROM people WHERE age > $1; EXECUTE p(50); EXECUTE p(101); DEALLOCATE p;\n",
    "formats": "".join("\\pset format %s\n%s;\n" % (f, PARTS) for f in ("aligned", "html", "latex", "asciidoc", "wrapped")),
    "conninfo": "\\conninfo\n", "lo_list": "\\lo_list\n", "errors": "SELEC 1;\nSELECT 1/0;\nSELECT 'é', nothing FROM people;\nSELECT nofunction(1);\nSELECT * FROM nowhere;\n",
}.items():
    if name == "watch":
        def watched():
            run = subprocess.Popen(["psql", "-X", "-At"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            run.stdin.write(script)
            run.stdin.flush()
            lines = []
            while lines.count("150") < 3 and len(lines) < 20:
                lines.append(run.stdout.readline().strip())
            run.kill()
            return lines.count("150")
        same(name, watched)
    elif name == "ECHO_HIDDEN":
        same(name, lambda: re.sub(r"\b\d{5}\b", "oid", psql(script)))
    elif name == "conninfo":
        holds(name, lambda: 'connected to database "trial" as user "rosa"' in psql(script))
    else:
        same(name, lambda: psql(script))


def complete(typed, tabs=2):
    """What a terminal shows after typed and tabs."""
    terminal = pexpect.spawn("psql", ["-X"], encoding="utf-8", timeout=10, dimensions=(60, 200))
    terminal.expect("=> ")
    # Completion asks the server, which may take its time: what is typed behind it appears when it is done.
    terminal.send(typed + "\t" * tabs + " ~~")
    terminal.expect(["~~", "possibilities", "--More--"])
    got = terminal.before + terminal.after.replace("~~", "")
    terminal.sendcontrol("c")
    terminal.close(force=True)
    return sorted(w for w in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|[\r\x07]", " ", got).split() if "c2d" not in w)


for typed in ("SELECT count(*) FROM peo", "SELECT count(*) FROM people WHERE ", "SELECT count(*) FROM people WHERE w", "\\d si", "\\dt ", "SET TimeZo", "SET TimeZone TO Europe/Par",
              "\\dF", "\\d people", "\\sf pg_catalog.array_up", "SELECT sex, count(*) FROM people GROUP BY ", "SET SESSION CHARACTERISTICS AS TRANS", "BEGIN ISOLATION LEVEL ", "FETCH ", "\\copy peo", "\\set FETCH_", "COPY (SELECT",
              "SELECT * FROM pg_catalog.pg_stat_us", "SHOW default_transaction_r", "TABLE ", "EXPLAIN SEL", "\\df array_ap", "SELECT pg_catalog.array_up"):
    same("tab " + typed, lambda: complete(typed))
if GATEWAY:
    for command, want in {"\\dn": "c2d|", "\\l": "trial|", "\\dv c2d.*": "budget", "\\d c2d.budget": "epsilon_left", "\\du": "rosa", "\\df c2d.*": "", "\\dp": "people", "\\drds": "", "\\dx": "", "\\dT c2d.*": ""}.items():
        holds(command, lambda: want in (lambda t: "ERROR" if "ERROR" in t else t)(subprocess.run(["psql", "-X", "-A"], input=command + "\n", capture_output=True, text=True).stdout))
    for sql, state in (("SELECT * FROM people", "ZD001"), ("SELECT min(age) FROM people", "ZD003"), ("DELETE FROM people", "25006"), ("\\copy people to stdout", "ZD001"), ("\\copy people from '/dev/null'", "25006")):
        holds("refused " + sql, lambda: state in psql("\\set VERBOSITY verbose\n%s\n" % (sql if sql[0] == "\\" else sql + ";")) or psql("\\set VERBOSITY verbose\n%s\n" % sql))
    # pg_dump locks tables, which takes more than to read: it ends with an error before it writes anything.
    dumped = subprocess.run(["pg_dump", "--schema-only"], capture_output=True, text=True)
    holds("pg_dump is refused", lambda: (dumped.returncode == 1 and "ERROR" in dumped.stderr and dumped.stdout == "") or (dumped.returncode, dumped.stderr))
    holds("explain", lambda: "people" in psql("EXPLAIN SELECT count(*) FROM people;\n"))
