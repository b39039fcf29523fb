import java.sql.*;
import java.util.*;
import java.util.concurrent.*;

/** What JDBC programs do: DatabaseMetaData, prepared statements, fetch size, cancel, batches, types. */
public class Session {
    static final boolean GATEWAY = "gateway".equals(System.getenv("C2D_SERVER"));
    static final String GROUPED = "SELECT sex, count(*) AS n, avg(weight) AS weight, sum(income) AS total FROM people WHERE age >= ? GROUP BY sex ORDER BY sex";

    /** Row types of schemas that only the gateway has; getTypeInfo names no schema. */
    static final Set<String> OURS = Set.of("callback", "budget", "last", "history", "studies", "tables", "columns", "requests");

    interface Step { Object run() throws Exception; }

    static String url(String extra) {
        return "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE")
            + "?user=" + System.getenv("PGUSER") + "&password=" + System.getenv("PGPASSWORD") + "&sslmode=" + System.getenv("PGSSLMODE")
            + "&sslrootcert=" + System.getenv("PGSSLROOTCERT") + extra;
    }

    /** What both servers must answer alike; an error is an answer too. */
    static void same(String name, Step step) {
        String value;
        try {
            value = String.valueOf(step.run());
        } catch (SQLException e) {
            value = "error " + e.getSQLState() + " " + e.getMessage();
        } catch (Exception e) {
            value = "exception " + e;
        }
        System.out.println("=\t" + name + "\t" + value.replace("\n", "\\n").replace("\t", "\\t"));
    }

    static void holds(String name, Step step) {
        try {
            Object got = step.run();
            if (Boolean.TRUE.equals(got)) System.out.println("+\t" + name);
            else System.out.println("-\t" + name + "\t" + got);
        } catch (Exception e) {
            System.out.println("-\t" + name + "\t" + e.toString().replace("\n", "\\n"));
        }
    }

    /** A refusal by the gateway and what the driver makes of it. */
    static void refused(Connection c, String sql, String state) {
        holds("refused " + sql, () -> {
            try (Statement s = c.createStatement()) {
                s.execute(sql);
                return "not refused";
            } catch (SQLException e) {
                return e.getSQLState().equals(state) ? (Object) true : e.getSQLState() + " " + e.getMessage();
            }
        });
    }

    /** All rows with names and types; rows of schemas that only the gateway has are left out. */
    static String dump(ResultSet r) throws SQLException {
        ResultSetMetaData m = r.getMetaData();
        StringBuilder out = new StringBuilder();
        for (int i = 1; i <= m.getColumnCount(); i++)
            out.append(m.getColumnLabel(i)).append(':').append(m.getColumnTypeName(i)).append('(').append(m.getPrecision(i)).append(',').append(m.getScale(i)).append(',').append(m.isNullable(i)).append(") ");
        while (r.next()) {
            StringBuilder row = new StringBuilder();
            boolean ours = false;
            for (int i = 1; i <= m.getColumnCount(); i++) {
                String v = r.getString(i);
                ours |= v != null && (v.startsWith("c2d") || i == 1 && m.getColumnLabel(1).equals("TYPE_NAME") && OURS.contains(v.replaceFirst("^_", "").replaceFirst("^made_up.*", "budget")));
                row.append(v).append('|');
            }
            if (!ours) out.append(" / ").append(row);
        }
        r.close();
        return out.toString();
    }

    static String ask(Connection c, String sql) throws SQLException {
        try (Statement s = c.createStatement()) { return dump(s.executeQuery(sql)); }
    }

    public static void main(String[] args) throws Exception {
        try (Connection c = DriverManager.getConnection(url(""))) {
            System.out.println("v\t" + c.getMetaData().getDriverVersion());
            metadata(c.getMetaData());
            everything(c.getMetaData());
            answers(c);
            types(c);
            prepared(c);
            transactions(c);
            if (GATEWAY) federated(c);
        }
        fetching();
        modes();
        if (GATEWAY) connecting();
    }

    static void metadata(DatabaseMetaData m) throws Exception {
        same("product", () -> m.getDatabaseProductName() + m.getDatabaseMajorVersion() + m.getSQLKeywords());
        same("getCatalogs", () -> dump(m.getCatalogs()));
        same("getSchemas", () -> dump(m.getSchemas()));
        same("getSchemas pattern", () -> dump(m.getSchemas(null, "pub%")));
        same("getTableTypes", () -> dump(m.getTableTypes()));
        same("getTables public", () -> dump(m.getTables(null, "public", "%", null)));
        same("getTables of type", () -> dump(m.getTables(null, null, "%", new String[]{"TABLE"})));
        same("getTables system", () -> dump(m.getTables(null, "pg_catalog", "pg_class%", new String[]{"SYSTEM TABLE", "SYSTEM INDEX"})));
        same("getColumns", () -> dump(m.getColumns(null, "public", "%", "%")));
        same("getColumns pattern", () -> dump(m.getColumns(null, null, "peop_e", "a%")));
        same("getColumns nothing", () -> dump(m.getColumns(null, "public", "nothing", "%")));
        same("getPrimaryKeys", () -> dump(m.getPrimaryKeys(null, "public", "people")));
        same("getIndexInfo", () -> dump(m.getIndexInfo(null, "public", "people", false, true)).replaceAll("\\|[-0-9.]+\\|[-0-9.]+\\|null\\|", "|sizes|"));
        same("getBestRowIdentifier", () -> dump(m.getBestRowIdentifier(null, "public", "people", DatabaseMetaData.bestRowSession, false)));
        same("getVersionColumns", () -> dump(m.getVersionColumns(null, "public", "people")));
        same("getImportedKeys", () -> dump(m.getImportedKeys(null, "public", "visits")));
        same("getExportedKeys", () -> dump(m.getExportedKeys(null, "public", "people")));
        same("getCrossReference", () -> dump(m.getCrossReference(null, "public", "people", null, "public", "visits")));
        same("getTablePrivileges", () -> dump(m.getTablePrivileges(null, "public", "people")));
        same("getColumnPrivileges", () -> dump(m.getColumnPrivileges(null, "public", "people", "age")));
        same("getTypeInfo", () -> dump(m.getTypeInfo()));
        same("getUDTs", () -> dump(m.getUDTs(null, "public", "%", null)));
        same("getProcedures", () -> dump(m.getProcedures(null, "public", "%")));
        same("getProcedureColumns", () -> dump(m.getProcedureColumns(null, "public", "%", "%")));
        same("getFunctions", () -> dump(m.getFunctions(null, "pg_catalog", "array_a%")));
        same("getFunctionColumns", () -> dump(m.getFunctionColumns(null, "pg_catalog", "array_append", "%")));
        same("getClientInfoProperties", () -> dump(m.getClientInfoProperties()));
        same("getNumericFunctions", () -> m.getNumericFunctions() + m.getStringFunctions() + m.getTimeDateFunctions());
        same("getMaxColumnNameLength", () -> m.getMaxColumnNameLength() + " " + m.getMaxIndexLength() + " " + m.getMaxColumnsInIndex());
        same("getDefaultTransactionIsolation", () -> m.getDefaultTransactionIsolation());
        same("getUserName", () -> m.getUserName() + m.getIdentifierQuoteString());
        same("isReadOnly", () -> m.isReadOnly());
    }

    /** Every method that DatabaseMetaData has, so that none is forgotten. */
    static void everything(DatabaseMetaData m) {
        java.lang.reflect.Method[] methods = DatabaseMetaData.class.getMethods();
        Arrays.sort(methods, Comparator.comparing(x -> x.toString()));
        Set<String> local = Set.of("getURL", "getConnection", "unwrap", "isWrapperFor"); // what tells of the server's address
        for (java.lang.reflect.Method method : methods) {
            if (local.contains(method.getName()) || java.lang.reflect.Modifier.isStatic(method.getModifiers())) continue;
            List<String> kinds = new ArrayList<>();
            Object[] args = new Object[method.getParameterCount()];
            String[] names = method.getName().equals("getCrossReference") ? new String[]{null, "public", "people", null, "public", "visits"} : new String[]{null, "public", "people", "%"};
            int used = 0;
            for (int i = 0; i < args.length; i++) {
                Class<?> kind = method.getParameterTypes()[i];
                kinds.add(kind.getSimpleName());
                args[i] = kind == String.class ? names[used++] : kind == int.class ? (Object) (i + 1) : kind == boolean.class ? (Object) false : null;
            }
            same(method.getName() + kinds, () -> {
                try {
                    Object got = method.invoke(m, args);
                    String text = got instanceof ResultSet r ? dump(r) : got instanceof RowIdLifetime x ? x.name() : String.valueOf(got);
                    return method.getName().equals("getIndexInfo") ? text.replaceAll("\\|[-0-9.]+\\|[-0-9.]+\\|null\\|", "|sizes|") : text;
                } catch (java.lang.reflect.InvocationTargetException e) {
                    return e.getCause() instanceof SQLException x ? x.getSQLState() + " " + x.getMessage() : String.valueOf(e.getCause());
                }
            });
        }
    }

    static void answers(Connection c) {
        for (String sql : new String[]{
            "SELECT count(*) FROM people",
            "SELECT sex, count(*) AS n, avg(weight) AS w FROM people GROUP BY sex ORDER BY sex",
            "SELECT region, grade, count(*), sum(cost) FROM sites WHERE flag GROUP BY region, grade ORDER BY 1, 2",
            "SELECT date_trunc('month', born) AS month, count(*) FROM people GROUP BY 1 ORDER BY 1",
            "SELECT kind, count(*) FROM people p JOIN visits v USING (id) WHERE p.sex = 'f' GROUP BY kind ORDER BY kind",
            "SELECT count(*) FROM people WHERE nothing",
            "SELECT count(*) FROM nowhere",
            "SELEC 1",
            "SELECT 1/0",
            "DELETE FROM people",
            "CREATE TEMP TABLE x (a int)",
        }) same("ask " + sql, () -> ask(c, sql));
        same("metadata without running", () -> {
            try (PreparedStatement p = c.prepareStatement(GROUPED)) {
                ResultSetMetaData m = p.getMetaData();
                StringBuilder out = new StringBuilder(p.getParameterMetaData().getParameterTypeName(1));
                for (int i = 1; i <= m.getColumnCount(); i++)
                    out.append(' ').append(m.getColumnName(i)).append(m.getColumnTypeName(i)).append(m.getColumnClassName(i)).append(m.getColumnDisplaySize(i)).append(m.isSigned(i)).append(m.getTableName(i));
                return out;
            }
        });
    }

    static void types(Connection c) {
        String all = "SELECT true AS a, 1::int2 AS b, 2 AS c, 3::int8 AS d, 1.5::float4 AS e, 2.5::float8 AS f, 12345.678::numeric AS g, 1.50::numeric(6,2) AS h, "
            + "'x'::text AS i, 'y'::varchar(5) AS j, 'z'::char(3) AS k, 'n'::name AS l, '\\x0102'::bytea AS m, date '2024-02-29' AS n, time '12:34:56.789' AS o, "
            + "timetz '12:34:56+02' AS p, timestamp '2024-02-29 12:34:56.789' AS q, timestamptz '2024-02-29 12:34:56+00' AS r, interval '1 year 2 days 3 hours' AS s, "
            + "'{\"a\": 1}'::json AS t, '{\"a\": [1, 2]}'::jsonb AS u, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS v, '{1,2,NULL}'::int[] AS w, '{a,\"b c\"}'::text[] AS x, "
            + "'{1.5,2}'::numeric[] AS y, point '(1,2)' AS z, inet '10.0.0.1/8' AS aa, cidr '10.0.0.0/8' AS ab, macaddr '08:00:2b:01:02:03' AS ac, B'101' AS ad, "
            + "int4range(1, 5) AS ae, 'a & b'::tsquery AS af, 'a b'::tsvector AS ag, money '1.50' AS ah, xmlelement(name x) AS ai, 16::oid AS aj, 'pg_class'::regclass AS ak, NULL::int AS al";
        for (String mode : new String[]{"text", "binary"})
            same("types " + mode, () -> {
                try (PreparedStatement p = c.prepareStatement(all)) {
                    String last = "";
                    for (int i = 0; i < (mode.equals("text") ? 1 : 8); i++) last = dump(p.executeQuery());
                    return last.replaceAll("\\[B@[0-9a-f]+", "bytes");
                }
            });
        same("getObject classes", () -> {
            try (PreparedStatement p = c.prepareStatement(all); ResultSet r = p.executeQuery()) {
                StringBuilder out = new StringBuilder();
                r.next();
                for (int i = 1; i <= r.getMetaData().getColumnCount(); i++)
                    out.append(r.getObject(i) == null ? "null" : r.getObject(i).getClass().getSimpleName()).append(' ');
                return out.append(r.getObject("n", java.time.LocalDate.class)).append(r.getObject("r", java.time.OffsetDateTime.class));
            }
        });
    }

    static void prepared(Connection c) {
        same("prepared past the switch to binary", () -> { // named from run 5, binary from run 6
            StringBuilder out = new StringBuilder();
            try (PreparedStatement p = c.prepareStatement(GROUPED)) {
                for (int least : new int[]{0, 20, 40, 60, 80, 101, 0, 50}) {
                    p.setInt(1, least);
                    out.append(dump(p.executeQuery())).append(" // ");
                }
            }
            return out;
        });
        same("parameters of all kinds", () -> {
            StringBuilder out = new StringBuilder();
            try (PreparedStatement p = c.prepareStatement("SELECT count(*) FROM people WHERE sex = ? AND born >= ? AND weight > ? AND active = ? AND income < ?")) {
                for (int i = 0; i < 2; i++) {
                    p.setString(1, i == 0 ? "f" : "m");
                    p.setDate(2, java.sql.Date.valueOf("1990-01-10"));
                    p.setBigDecimal(3, new java.math.BigDecimal("50.5"));
                    p.setBoolean(4, true);
                    p.setLong(5, 90000);
                    out.append(dump(p.executeQuery()));
                }
            }
            return out;
        });
        same("a parameter that is NULL", () -> {
            try (PreparedStatement p = c.prepareStatement("SELECT count(*) FROM people WHERE age >= ?")) {
                p.setNull(1, Types.INTEGER);
                return dump(p.executeQuery());
            }
        });
        same("an array as a parameter", () -> {
            try (PreparedStatement p = c.prepareStatement("SELECT relname FROM pg_catalog.pg_class WHERE relname = ANY (?) ORDER BY 1")) {
                p.setArray(1, c.createArrayOf("text", new String[]{"people", "visits"}));
                return dump(p.executeQuery());
            }
        });
        same("binaryTransfer off", () -> {
            try (Connection d = DriverManager.getConnection(url("&binaryTransfer=false&prepareThreshold=1")); PreparedStatement p = d.prepareStatement(GROUPED)) {
                p.setInt(1, 30);
                return dump(p.executeQuery()) + dump(p.executeQuery());
            }
        });
    }

    static void transactions(Connection c) throws Exception {
        same("transaction with savepoints", () -> {
            c.setAutoCommit(false);
            c.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            StringBuilder out = new StringBuilder(ask(c, "SELECT count(*) FROM people"));
            Savepoint point = c.setSavepoint("here");
            try { ask(c, "SELECT nothing FROM people"); } catch (SQLException e) { out.append(e.getSQLState()); }
            try { ask(c, "SELECT 1"); } catch (SQLException e) { out.append(e.getSQLState()); }
            c.rollback(point);
            out.append(ask(c, "SELECT 1 AS one"));
            c.commit();
            return out;
        });
        c.setAutoCommit(true);
        same("read only and isolation", () -> {
            c.setReadOnly(true);
            String got = c.getTransactionIsolation() + " " + c.isReadOnly();
            c.setReadOnly(false);
            return got;
        });
        same("several statements", () -> {
            try (Statement s = c.createStatement()) {
                StringBuilder out = new StringBuilder();
                boolean rows = s.execute("SELECT 1 AS a; SELECT count(*) FROM people; SELECT 'x' AS b");
                do { out.append(rows ? dump(s.getResultSet()) : s.getUpdateCount()); rows = s.getMoreResults(); } while (rows || s.getUpdateCount() != -1);
                return out;
            }
        });
        same("max rows", () -> {
            try (Statement s = c.createStatement()) {
                s.setMaxRows(2);
                return dump(s.executeQuery("SELECT sex, count(*) FROM people GROUP BY sex ORDER BY sex"));
            }
        });
        same("scrollable", () -> {
            try (Statement s = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY);
                 ResultSet r = s.executeQuery("SELECT sex, count(*) FROM people GROUP BY sex ORDER BY sex")) {
                r.last();
                String last = r.getRow() + r.getString(2);
                r.absolute(1);
                return last + r.getString(1);
            }
        });
        same("copy out", () -> {
            java.io.StringWriter out = new java.io.StringWriter();
            c.unwrap(org.postgresql.PGConnection.class).getCopyAPI().copyOut("COPY (SELECT sex, count(*) FROM people GROUP BY sex ORDER BY sex) TO STDOUT (FORMAT csv, HEADER)", out);
            return out;
        });
        same("batch", () -> {
            try (Statement s = c.createStatement()) {
                s.addBatch("SET application_name = 'batch'");
                s.addBatch("RESET application_name");
                return Arrays.toString(s.executeBatch());
            }
        });
        same("client info and validity", () -> {
            c.setClientInfo("ApplicationName", "it's JDBC");
            return ask(c, "SHOW application_name") + c.isValid(5) + c.getSchema();
        });
        holds("cancel", () -> {
            try (Statement s = c.createStatement()) {
                ScheduledExecutorService later = Executors.newScheduledThreadPool(1);
                later.schedule(() -> { s.cancel(); return null; }, 150, TimeUnit.MILLISECONDS);
                long began = System.nanoTime();
                try {
                    s.executeQuery(GATEWAY ? "SELECT count(*) FROM people JOIN visits USING (id)" : "SELECT pg_sleep(20)");
                    return "not cancelled";
                } catch (SQLException e) {
                    double took = (System.nanoTime() - began) / 1e9;
                    return e.getSQLState().equals("57014") && took < 1.5 ? (Object) true : e + " after " + took;
                } finally { later.shutdown(); }
            }
        });
        same("after a cancel", () -> ask(c, "SELECT count(*) FROM people"));
        holds("query timeout", () -> {
            try (Statement s = c.createStatement()) {
                s.setQueryTimeout(1);
                s.executeQuery(GATEWAY ? "SELECT count(*) FROM generate_series(1, 2000000000)" : "SELECT pg_sleep(20)");
                return "no timeout";
            } catch (SQLException e) { return e.getSQLState().equals("57014") ? (Object) true : e; }
        });
    }

    static void fetching() throws Exception {
        try (Connection c = DriverManager.getConnection(url("&defaultRowFetchSize=2"))) {
            c.setAutoCommit(false); // a fetch size works in transactions only
            same("fetch size over a federated answer", () -> ask(c, "SELECT city, sex, count(*) FROM people GROUP BY city, sex ORDER BY 1, 2"));
            same("fetch size over the catalog", () -> ask(c, "SELECT typname FROM pg_catalog.pg_type WHERE oid < 100 ORDER BY 1"));
            same("two fetched side by side", () -> {
                try (Statement a = c.createStatement(); Statement b = c.createStatement()) {
                    ResultSet x = a.executeQuery("SELECT city, count(*) FROM people GROUP BY city ORDER BY 1");
                    ResultSet y = b.executeQuery("SELECT region, count(*) FROM sites GROUP BY region ORDER BY 1");
                    StringBuilder out = new StringBuilder();
                    while (x.next() & y.next()) out.append(x.getString(1)).append(x.getLong(2)).append(y.getString(1)).append(y.getLong(2)).append(' ');
                    return out;
                }
            });
            same("a fetch that is given up", () -> {
                try (Statement a = c.createStatement()) {
                    ResultSet x = a.executeQuery("SELECT city, count(*) FROM people GROUP BY city ORDER BY 1");
                    x.next();
                    x.close();
                }
                c.rollback();
                return ask(c, "SELECT 1 AS one");
            });
            c.rollback();
        }
    }

    static void modes() throws Exception {
        for (String mode : new String[]{"simple", "extended", "extendedForPrepared", "extendedCacheEverything"})
            same("preferQueryMode " + mode, () -> {
                try (Connection c = DriverManager.getConnection(url("&preferQueryMode=" + mode)); PreparedStatement p = c.prepareStatement("SELECT sex, count(*) FROM people WHERE age >= ? GROUP BY sex ORDER BY sex")) {
                    p.setInt(1, 10);
                    return dump(p.executeQuery()) + dump(p.executeQuery());
                }
            });
        same("autosave", () -> {
            try (Connection c = DriverManager.getConnection(url("&autosave=always"))) {
                c.setAutoCommit(false);
                try { ask(c, "SELECT nothing FROM people"); } catch (SQLException e) { }
                return ask(c, "SELECT count(*) FROM people");
            }
        });
        same("currentSchema and options", () -> {
            try (Connection c = DriverManager.getConnection(url("&currentSchema=public&options=-c%20statement_timeout=90s&ApplicationName=tool&readOnly=true"))) {
                return c.getSchema() + ask(c, "SHOW statement_timeout") + ask(c, "SHOW application_name") + ask(c, "SHOW search_path");
            }
        });
    }

    static void federated(Connection c) {
        refused(c, "SELECT * FROM people", "ZD001");
        refused(c, "SELECT id FROM people", "ZD001");
        refused(c, "SELECT min(age) FROM people", "ZD003");
        refused(c, "SELECT note, count(*) FROM people GROUP BY note", "42501");
        refused(c, "SELECT sum(age / income) FROM people", "0A000");
        refused(c, "SELECT count(DISTINCT pid) FROM sites s JOIN visits v ON s.pid = v.id", "ZD006");
        holds("position and hint", () -> {
            try (Statement s = c.createStatement()) {
                s.executeQuery("SELECT min(age) FROM people");
                return "not refused";
            } catch (org.postgresql.util.PSQLException e) {
                return e.getServerErrorMessage().getPosition() == 8 && e.getServerErrorMessage().getHint() != null ? (Object) true : e.getServerErrorMessage().toString();
            }
        });
        for (String view : new String[]{"budget", "last", "history", "studies", "tables", "columns"})
            holds("c2d." + view, () -> { try (Statement s = c.createStatement(); ResultSet r = s.executeQuery("SELECT * FROM c2d." + view)) { return r.getMetaData().getColumnCount() > 1; } });
        holds("explain", () -> ask(c, "EXPLAIN SELECT count(*) FROM people").contains("people") ? (Object) true : ask(c, "EXPLAIN SELECT count(*) FROM people"));
        holds("explain with a parameter", () -> {
            try (PreparedStatement p = c.prepareStatement("EXPLAIN " + GROUPED)) {
                p.setInt(1, 5);
                return p.executeQuery().next();
            }
        });
        holds("tables of c2d", () -> { int n = 0; ResultSet r = c.getMetaData().getTables(null, "c2d", "%", null); while (r.next()) n++; return n >= 6 ? (Object) true : n; });
    }

    static void connecting() {
        holds("wrong password", () -> {
            try { DriverManager.getConnection(url("").replace("password=" + System.getenv("PGPASSWORD"), "password=no")); return "let in"; }
            catch (SQLException e) { return e.getSQLState().equals("28P01") ? (Object) true : e; }
        });
        holds("unknown study", () -> {
            try { DriverManager.getConnection(url("").replace("/trial?", "/nothing?")); return "let in"; }
            catch (SQLException e) { return e.getSQLState().equals("3D000") ? (Object) true : e; }
        });
        holds("without TLS on the gateway's own machine", () -> {
            try (Connection c = DriverManager.getConnection(url("").replace("sslmode=" + System.getenv("PGSSLMODE"), "sslmode=disable"))) { return ask(c, "SELECT count(*) FROM c2d.studies").length() > 0; }
        });
        holds("a setting that does not exist", () -> {
            try { DriverManager.getConnection(url("&options=-c%20c2d.mod=dummy")); return "let in"; }
            catch (SQLException e) { return e.getSQLState().equals("42704") ? (Object) true : e; }
        });
        holds("verify-ca with another root", () -> {
            try { DriverManager.getConnection(url("").replace(System.getenv("PGSSLROOTCERT"), "/etc/ssl/certs/ca-certificates.crt")); return "let in"; }
            catch (SQLException e) { return e.getSQLState().equals("08006") ? (Object) true : e; }
        });
    }
}
