// What node programs on pg do: simple and extended queries, names, cursors, streams of rows, cancel.
'use strict';
const fs = require('fs');
const { Client, Pool, types } = require('pg');
const Cursor = require('pg-cursor');
const QueryStream = require('pg-query-stream');

const { GATEWAY, show, failure, same, holds, version, REFUSALS } = require('./report');
const root = process.env.PGSSLROOTCERT;
delete process.env.PGSSLMODE;
delete process.env.PGSSLROOTCERT;
const way = root ? { ssl: { ca: fs.readFileSync(root), checkServerIdentity: () => undefined } } : { ssl: false };

const brief = (r) => ({ tag: r.command, n: r.rowCount, fields: r.fields.map((f) => [f.name, f.dataTypeID, f.dataTypeSize, f.dataTypeModifier, f.format]), rows: r.rows });
const GROUPED = 'SELECT sex, count(*) AS n, avg(weight) AS w FROM people WHERE age >= $1 GROUP BY sex ORDER BY sex';
const PARTS = 'SELECT city, sex, count(*) FROM people GROUP BY city, sex ORDER BY 1, 2';

async function questions(c) {
  for (const sql of ['SELECT count(*) FROM people', PARTS, 'SELECT region, grade, sum(cost) FROM sites GROUP BY 1, 2 ORDER BY 1, 2',
    'SELECT count(*) FROM people WHERE nothing', 'SELECT count(*) FROM nowhere', 'SELEC 1', 'SELECT 1/0',
    "SELECT relname, relkind FROM pg_catalog.pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
    "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2"]) {
    await same('simple ' + sql, async () => brief(await c.query(sql)));
    await same('by name ' + sql, async () => brief(await c.query({ name: 's' + sql.length, text: sql })));
  }
  await same('parameters', async () => brief(await c.query(GROUPED, [20])));
  await same('the same name again', async () => {
    const all = [];
    for (const n of [0, 40, 101, 0]) all.push(brief(await c.query({ name: 'grouped', text: GROUPED, values: [n] })));
    return all;
  });
  await same('parameters of all kinds', async () => brief(await c.query('SELECT count(*) FROM people WHERE sex = $1 AND born >= $2 AND weight > $3 AND active = $4 AND income < $5',
    ['f', '1990-01-10', 50.5, true, 90000])));
  await same('NULL', async () => brief(await c.query('SELECT count(*) FROM people WHERE age >= $1', [null])));
  await same('a wrong parameter', async () => brief(await c.query(GROUPED, ['x'])));
  await same('an array', async () => brief(await c.query('SELECT relname FROM pg_class WHERE relname = ANY($1) ORDER BY 1', [['people', 'visits']])));
  await same('rows as arrays', async () => (await c.query({ text: PARTS, rowMode: 'array' })).rows);
  await same('binary', async () => brief(await c.query({ text: "SELECT 1 AS a, 2.5::float8 AS b, true AS c, 'x' AS d, timestamptz '2024-02-29 12:00+00' AS e", binary: true })));
  await same('binary of the federation', async () => (await c.query({ text: 'SELECT sex, count(*) FROM people GROUP BY sex ORDER BY sex', binary: true })).rows);
  await same('several statements', async () => (await c.query('SELECT 1 AS a; SELECT count(*) FROM people; SELECT 3')).map(brief));
  await same('queued', async () => (await Promise.all([c.query('SELECT count(*) FROM people'), c.query('SELECT 2 AS two'), c.query(GROUPED, [50])])).map(brief));
  await same('types', async () => (await c.query("SELECT '{1,2,NULL}'::int[] AS a, '{\"x\": 1}'::jsonb AS b, interval '1 day' AS c, '\\x01'::bytea AS d, date '2024-02-29' AS e, 12.50::numeric AS f, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS g, point '(1,2)' AS h")).rows);
}

async function cursors(c) {
  const read = async (sql, values, sizes) => {
    const cursor = c.query(new Cursor(sql, values));
    const all = [];
    for (const n of sizes) all.push(await cursor.read(n));
    await cursor.close();
    return all;
  };
  await same('cursor', () => read(PARTS, [], [2, 3, 100, 1]));
  await same('cursor with parameters', () => read(GROUPED, [0], [1, 1, 5]));
  await same('cursor that is given up', () => read(PARTS, [], [1]));
  await same('cursor over the catalog', () => read('SELECT typname FROM pg_type WHERE oid < 40 ORDER BY 1', [], [3, 3, 100]));
  await same('cursor with an error', () => read('SELECT nothing FROM people', [], [1]));
  await same('stream', async () => {
    const all = [];
    for await (const row of c.query(new QueryStream(PARTS, [], { batchSize: 2 }))) all.push(row);
    return all;
  });
  await same('after cursors', async () => (await c.query('SELECT count(*) FROM people')).rows);
}

async function transactions(c) {
  await same('savepoint', async () => {
    const all = [];
    await c.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await c.query('SAVEPOINT a');
    try { await c.query('SELECT nothing FROM people'); } catch (e) { all.push(e.code); }
    try { await c.query('SELECT 1'); } catch (e) { all.push(e.code); }
    await c.query('ROLLBACK TO a');
    all.push((await c.query('SELECT count(*) FROM people')).rows);
    all.push((await c.query('COMMIT')).command);
    return all;
  });
  await same('settings at connect', async () => {
    const other = new Client({ ...way, statement_timeout: 90000, idle_in_transaction_session_timeout: 80000, lock_timeout: 70000, application_name: 'node', options: '-c search_path=public' });
    await other.connect();
    const all = [];
    for (const s of ['statement_timeout', 'idle_in_transaction_session_timeout', 'lock_timeout', 'application_name', 'search_path']) all.push((await other.query('SHOW ' + s)).rows[0]);
    await other.end();
    return all;
  });
  await same('pool', async () => {
    const pool = new Pool({ ...way, max: 2 });
    const all = await Promise.all([0, 1, 2].map((n) => pool.query('SELECT $1::int AS n', [n])));
    await pool.end();
    return all.map((r) => r.rows[0].n);
  });
  await holds('cancel', async () => {
    const pid = c.processID;
    const canceller = new Client(way);
    const began = Date.now();
    const running = c.query(GATEWAY ? 'SELECT count(*) FROM people JOIN visits USING (id)' : 'SELECT pg_sleep(20)');
    setTimeout(() => { c.activeQuery ? canceller.cancel(c, c.activeQuery) : canceller.cancel(c, running); }, 150);
    try { await running; return 'not cancelled'; } catch (e) { return e.code === '57014' && Date.now() - began < 1500 || failure(e) + ' ' + pid; }
  });
}

async function gateway(c) {
  for (const [sql, state] of REFUSALS) {
    await holds('refused ' + sql, async () => { try { await c.query(sql); return 'not refused'; } catch (e) { return (e.code === state && e.severity === 'ERROR') || failure(e); } });
    await holds('refused by name ' + sql, async () => { try { await c.query({ name: 'refused', text: sql }); return 'not refused'; } catch (e) { return e.code === state || failure(e); } });
  }
  for (const view of ['budget', 'last', 'history', 'studies', 'tables', 'columns']) await holds('c2d.' + view, async () => (await c.query('SELECT * FROM c2d.' + view)).fields.length > 1);
  await holds('explain', async () => show((await c.query('EXPLAIN ' + GROUPED, [3])).rows).includes('people'));
  const declined = async (how, code) => { const x = new Client({ ...way, ...how }); try { await x.connect(); return 'let in'; } catch (e) { return e.code === code || failure(e); } };
  await holds('wrong password', () => declined({ password: 'no' }, '28P01'));
  await holds('unknown study', () => declined({ database: 'nothing' }, '3D000'));
  await holds('another root', () => declined({ ssl: { checkServerIdentity: () => undefined } }, 'DEPTH_ZERO_SELF_SIGNED_CERT'));
}

(async () => {
  const of = (name) => JSON.parse(fs.readFileSync(`${__dirname}/node_modules/${name}/package.json`)).version;
  version(`${of('pg')}, pg-cursor ${of('pg-cursor')}`);
  const c = new Client(way);
  await c.connect();
  await questions(c);
  await cursors(c);
  await transactions(c);
  if (GATEWAY) await gateway(c);
  await c.end();
})().catch((e) => { console.log(failure(e)); process.exit(1); });
