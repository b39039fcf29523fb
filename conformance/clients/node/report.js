// The lines that the scripts print; see main.go.
'use strict';
const line = (v) => String(v).replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/\t/g, '\\t');
const show = (v) => JSON.stringify(v, (k, x) => (typeof x === 'bigint' ? x + 'n' : x));
const failure = (e) => `${e.name} ${e.code} ${e.message} at ${e.position} ${e.severity} ${e.hint}`;

// What both servers must answer alike; an error is an answer too.
async function same(name, step) {
  let value;
  try { value = show(await step()); } catch (e) { value = failure(e); }
  console.log(`=\t${line(name)}\t${line(value)}`);
}

// Whether step returns true.
async function holds(name, step) {
  let got;
  try { got = await step(); } catch (e) { got = failure(e); }
  console.log(got === true ? `+\t${line(name)}` : `-\t${line(name)}\t${line(got)}`);
}

// The version of what is tried.
const version = (text) => console.log(`v\t${text}`);

const REFUSALS = [['SELECT * FROM people', 'ZD001'], ['SELECT min(age) FROM people', 'ZD003'], ['SELECT note, count(*) FROM people GROUP BY note', '42501'],
  ['SELECT sum(age / income) FROM people', '0A000'], ['DELETE FROM people', '25006']];

module.exports = { GATEWAY: process.env.C2D_SERVER === 'gateway', show, failure, same, holds, version, REFUSALS };
