// What node programs on postgres.js do: every statement prepared, pipelined, types read from the catalog at connect.
'use strict';
const fs = require('fs');
const postgres = require('postgres');
const { GATEWAY, same, holds, failure, version, REFUSALS } = require('./report');

const root = process.env.PGSSLROOTCERT;
for (const name of ['PGSSLMODE', 'PGSSLROOTCERT']) delete process.env[name];
const ssl = root ? { ca: fs.readFileSync(root), checkServerIdentity: () => undefined } : false;
const open = (how) => postgres({ ssl, max: 1, onnotice: () => {}, ...how });
const brief = (r) => ({ command: r.command, count: r.count, columns: r.columns && r.columns.map((c) => [c.name, c.type, c.number]), rows: [...r] });
const PARTS = 'SELECT city, sex, count(*) FROM people GROUP BY city, sex ORDER BY 1, 2';

async function questions(sql) {
  for (const text of ['SELECT count(*) FROM people', PARTS, 'SELECT region, grade, sum(cost) FROM sites GROUP BY 1, 2 ORDER BY 1, 2', 'SELECT count(*) FROM people WHERE nothing',
    'SELECT count(*) FROM nowhere', 'SELEC 1', 'SELECT 1/0', "SELECT 'é', nothing FROM people", "SELECT relname, relkind FROM pg_catalog.pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
    "SELECT date_trunc('month', born) AS month, active, count(*) FROM people GROUP BY 1, 2 ORDER BY 1, 2"]) {
    await same('simple ' + text, async () => brief(await sql.unsafe(text)));
    await same('prepared ' + text, async () => brief(await sql.unsafe(text, [], { prepare: true })));
  }
  const grouped = (least) => sql`SELECT sex, count(*) AS n, avg(weight) AS w FROM people WHERE age >= ${least} GROUP BY sex ORDER BY sex`;
  await same('parameters', async () => { const all = []; for (const n of [0, 20, 101, 0]) all.push(brief(await grouped(n))); return all; });
  await same('parameters of all kinds', async () => brief(await sql`SELECT count(*) FROM people WHERE sex = ${'f'} AND born >= ${'1990-01-10'} AND weight > ${50.5} AND active = ${true} AND income < ${90000}`));
  await same('a date as a parameter', async () => brief(await sql`SELECT count(*) FROM people WHERE born >= ${new Date('1990-01-10T00:00:00Z')}`));
  await same('NULL', async () => brief(await sql`SELECT count(*) FROM people WHERE age >= ${null}`));
  await same('a wrong parameter', async () => brief(await grouped('x')));
  await same('a list', async () => brief(await sql`SELECT relname FROM pg_class WHERE relname IN ${sql(['people', 'visits'])} ORDER BY 1`));
  await same('an array', async () => brief(await sql`SELECT relname FROM pg_class WHERE relname = ANY(${['people', 'visits']}) ORDER BY 1`));
  await same('names and fragments', async () => brief(await sql`SELECT ${sql('city')}, count(*) FROM ${sql('people')} ${sql`WHERE age > ${30}`} GROUP BY ${sql('city')} ORDER BY 1`));
  await same('pipelined', async () => (await Promise.all([sql`SELECT count(*) FROM people`, sql`SELECT 2 AS two`, grouped(50)])).map(brief));
  await same('values', async () => sql`SELECT city, count(*) FROM people GROUP BY city ORDER BY 1`.values());
  await same('raw', async () => sql`SELECT city, count(*) FROM people GROUP BY city ORDER BY 1`.raw());
  await same('describe', async () => { const d = await sql`SELECT sex, count(*) FROM people WHERE age > ${1} GROUP BY sex`.describe(); return [d.types, d.columns.map((c) => [c.name, c.type])]; });
  await same('several statements', async () => (await sql.unsafe('SELECT 1 AS a; SELECT count(*) FROM people').simple()).map(brief));
  await same('types', async () => (await sql`SELECT '{1,2,NULL}'::int[] AS a, '{"x": 1}'::jsonb AS b, interval '1 day' AS c, '\\x01'::bytea AS d, timestamptz '2024-02-29 12:00+00' AS e, 12.50::numeric AS f, true AS g, '{{a,b},{c,d}}'::text[] AS h, 5::int8 AS i`)[0]);
}

async function cursors(sql) {
  await same('cursor', async () => { const all = []; await sql.unsafe(PARTS).cursor(2, (rows) => { all.push([...rows]); }); return all; });
  await same('cursor as an iterator', async () => { const all = []; for await (const rows of sql`SELECT city, sex, count(*) FROM people GROUP BY 1, 2 ORDER BY 1, 2`.cursor(3)) all.push([...rows]); return all; });
  await same('cursor that is given up', async () => { for await (const rows of sql`SELECT city, sex, count(*) FROM people GROUP BY 1, 2 ORDER BY 1, 2`.cursor(1)) return [...rows]; });
  await same('forEach', async () => { const all = []; await sql`SELECT city, count(*) FROM people GROUP BY city ORDER BY 1`.forEach((row) => all.push(row)); return all; });
  await same('copy', async () => { const all = []; for await (const part of await sql`COPY (SELECT city, count(*) FROM people GROUP BY city ORDER BY 1) TO STDOUT`.readable()) all.push(part.toString()); return all.join(''); });
  await same('after cursors', async () => brief(await sql`SELECT count(*) FROM people`));
}

async function transactions(sql) {
  await same('transaction', () => sql.begin('ISOLATION LEVEL REPEATABLE READ READ ONLY', async (t) => {
    const all = [brief(await t`SELECT count(*) FROM people`)];
    await t.savepoint((s) => s`SELECT nothing FROM people`).catch((e) => all.push(e.code));
    all.push(brief(await t`SELECT count(*) FROM people`));
    return all;
  }));
  await same('a transaction that fails', () => sql.begin(async (t) => { await t`SELECT nothing FROM people`; }));
  await same('settings at connect', async () => {
    const other = open({ connection: { application_name: 'js', statement_timeout: 90000, search_path: 'public' } });
    const all = [];
    for (const s of ['application_name', 'statement_timeout', 'search_path']) all.push((await other.unsafe('SHOW ' + s))[0]);
    await other.end();
    return all;
  });
  await same('without preparing', async () => { const other = open({ prepare: false }); const got = brief(await other`SELECT count(*) FROM people WHERE age > ${20}`); await other.end(); return got; });
  await same('a reserved connection', async () => { const r = await sql.reserve(); const got = brief(await r`SELECT count(*) FROM people`); r.release(); return got; });
  await holds('cancel', async () => {
    const began = Date.now();
    const running = GATEWAY ? sql`SELECT count(*) FROM people JOIN visits USING (id)` : sql`SELECT pg_sleep(20)`;
    setTimeout(() => running.cancel(), 150);
    try { await running; return 'not cancelled'; } catch (e) { return (e.code === '57014' && Date.now() - began < 1500) || failure(e); }
  });
  await same('after a cancel', async () => brief(await sql`SELECT count(*) FROM people`));
}

async function gateway(sql) {
  for (const [text, state] of REFUSALS) {
    await holds('refused ' + text, async () => { try { await sql.unsafe(text); return 'not refused'; } catch (e) { return (e.code === state && e.severity === 'ERROR') || failure(e); } });
    await holds('refused when prepared ' + text, async () => { try { await sql.unsafe(text, [], { prepare: true }); return 'not refused'; } catch (e) { return e.code === state || failure(e); } });
  }
  for (const view of ['budget', 'last', 'history', 'studies', 'tables', 'columns']) await holds('c2d.' + view, async () => (await sql`SELECT * FROM ${sql('c2d.' + view)}`).columns.length > 1);
  const declined = async (how, code) => { const x = open(how); try { await x`SELECT 1`; return 'let in'; } catch (e) { return e.code === code || failure(e); } finally { await x.end({ timeout: 1 }); } };
  await holds('wrong password', () => declined({ password: 'no' }, '28P01'));
  await holds('unknown study', () => declined({ database: 'nothing' }, '3D000'));
}

(async () => {
  version(JSON.parse(fs.readFileSync(`${__dirname}/node_modules/postgres/package.json`)).version);
  const sql = open();
  await questions(sql);
  await cursors(sql);
  await transactions(sql);
  if (GATEWAY) await gateway(sql);
  await sql.end();
})().catch((e) => { console.log(failure(e)); process.exit(1); });
