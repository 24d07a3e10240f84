/*
 * PowerSync's client for Node: powersync.js FOLDER PORT PUSH_ROWS ROW_COUNT
 *
 * First sync: from connect() to the first whole checkpoint in the local database. Push: 1,000 rows in the upload queue,
 * from the start of the upload to its last acknowledgement, in batches of the size that the SDK takes by itself (100). Its database is SQLite, not encrypted.
 */
import { PowerSyncDatabase } from '@powersync/node';
import { Schema, Table, column } from '@powersync/common';
import { check, finish, readRows, timed } from './rows.js';

const [folder, port, pushPath, expected] = process.argv.slice(2);
const endpoint = `http://127.0.0.1:${port}`;
const { text, integer } = column;

const schema = new Schema({
  person: new Table({
    person: text, nhs_number: text, nhs_status: integer, family: text, given: text, birth_date: integer,
    gender: integer, address: text, postcode: text, phone: text, contact_preference: integer, language: text,
    practice: integer,
  }),
  visit: new Table({
    person: text, setting: integer, arrived: integer, left: integer, consent: integer, subjective: text,
    objective: text, assessment: text, plan: text, skin: integer, mood: integer, pain: integer,
    mobility: integer, nutrition: integer, outcome: integer, recorded: integer,
  }),
  observations: new Table({
    person: text, taken: integer, respiration: integer, spo2: integer, systolic: integer, diastolic: integer,
    pulse: integer, temperature: integer, consciousness: integer,
  }),
});

let uploadedBytes = 0;

async function upload(database) {
  for (let batch; (batch = await database.getCrudBatch());) {
    const body = JSON.stringify(batch.crud.map(({ id, table, opData }) => ({ id, type: table, data: opData })));
    uploadedBytes += body.length;
    const response = await fetch(`${endpoint}/upload`, { method: 'POST', body });
    check(response.ok, 'the upload was refused');
    await batch.complete();
  }
}

const connector = {
  async fetchCredentials() { return { endpoint, token: 'bench' }; },
  async uploadData() { /* measured below, by itself */ },
};

const database = new PowerSyncDatabase({ schema, database: { dbFilename: 'client.db', dbLocation: folder } });
await database.init();
const first = await timed(async () => {
  await database.connect(connector);
  await database.waitForFirstSync();
});
let count = 0;
for (const name of ['person', 'visit', 'observations']) {
  count += (await database.get(`SELECT count(*) AS count FROM ${name}`)).count;
}
check(count === Number(expected), `${count} rows instead of ${expected}`);
const memory = process.memoryUsage().rss;
await database.disconnect();

await database.writeTransaction(async (transaction) => {
  for (const { type, ...row } of readRows(pushPath)) {
    const names = Object.keys(row);
    await transaction.execute(
      `INSERT INTO ${type} (${names.map((name) => `"${name}"`)}) VALUES (${names.map(() => '?')})`,
      names.map((name) => row[name]));
  }
});
const push = await timed(() => upload(database));
const stored = await (await fetch(`${endpoint}/count`)).json();
check(stored.count === 1000, `the server has ${stored.count} uploads`);
finish({ first_ms: first, push_ms: push, push_bytes: uploadedBytes, rss_bytes: memory });
