/*
 * A CouchDB-protocol server for PouchDB: pouchdb_server.cjs FOLDER ROWS
 *
 * express-pouchdb over PouchDB with leveldb; database `w` holds ROWS. Prints its port.
 */
const express = require('express');
const { mkdirSync, readFileSync } = require('node:fs');
const path = require('node:path');
const PouchDB = require('pouchdb');

const [folder, rowsPath] = process.argv.slice(2);
const Prefixed = PouchDB.defaults({ prefix: path.join(folder, 'server') + path.sep });
mkdirSync(path.join(folder, 'server'), { recursive: true });
process.chdir(folder); // its log and its settings

const app = express();
app.use('/', require('express-pouchdb')(Prefixed, { mode: 'minimumForPouchDB', inMemoryConfig: true, logPath: path.join(folder, 'server.log') }));

(async () => {
  const docs = readFileSync(rowsPath, 'utf8').trimEnd().split('\n').map((line) => {
    const { id, ...row } = JSON.parse(line);
    return { _id: id, ...row };
  });
  const db = new Prefixed('w');
  for (let i = 0; i < docs.length; i += 1000) await db.bulkDocs(docs.slice(i, i + 1000));
  const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port));
})();
