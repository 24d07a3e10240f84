/*
 * A server that speaks PowerSync's sync stream and does nothing else: powersync_server.js ROWS DATABASE
 *
 * One bucket with all of ROWS, prepared in memory, so that only the client's work is measured. What a client uploads
 * is one durable SQLite transaction. Prints its port.
 */
import { createServer } from 'node:http';
import Database from 'better-sqlite3';
import { readRows } from './rows.js';

const BATCH = 1000; // operations a line, as PowerSync's service sends them
const rows = readRows(process.argv[2]);
const db = new Database(process.argv[3]);
db.pragma('journal_mode = WAL');
db.pragma('synchronous = FULL');
db.exec('CREATE TABLE uploaded (id TEXT PRIMARY KEY, type TEXT, data TEXT)');
const insert = db.prepare('INSERT INTO uploaded VALUES (?, ?, ?)');

function checksum(number) {
  return (Math.imul(number, 2654435761) >>> 0);
}

const operations = rows.map(({ type, id, ...data }, i) => ({
  op_id: String(i + 1), op: 'PUT', object_type: type, object_id: id, checksum: checksum(i + 1),
  subkey: 'w', data: JSON.stringify(data),
}));
const last = String(operations.length);
const total = operations.reduce((sum, { checksum }) => (sum + checksum) >>> 0, 0);

function stream() {
  const lines = [{
    checkpoint: {
      last_op_id: last, write_checkpoint: null, streams: [],
      buckets: [{ bucket: 'w[]', checksum: total, count: operations.length, priority: 3, subscriptions: [] }],
    },
  }];
  for (let i = 0; i < operations.length; i += BATCH) {
    const data = operations.slice(i, i + BATCH);
    lines.push({
      data: {
        bucket: 'w[]', has_more: i + BATCH < operations.length, after: String(i),
        next_after: data[data.length - 1].op_id, data,
      },
    });
  }
  lines.push({ checkpoint_complete: { last_op_id: last } });
  return lines.map((line) => JSON.stringify(line) + '\n');
}

const answer = stream();

function readBody(request, then) {
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => then(Buffer.concat(pieces)));
}

function upload(body) {
  db.transaction((entries) => {
    for (const { id, type, data } of entries) insert.run(id, type, JSON.stringify(data));
  })(JSON.parse(body));
}

createServer((request, response) => {
  if (request.url.startsWith('/sync/stream')) {
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
    for (const line of answer) response.write(line); // stays open: the client waits for more
  } else if (request.url === '/upload') {
    readBody(request, (body) => {
      upload(body);
      response.end('{}');
    });
  } else if (request.url === '/count') {
    response.end(JSON.stringify(db.prepare('SELECT count(*) AS count FROM uploaded').get()));
  } else {
    readBody(request, () => {
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ data: { write_checkpoint: '1', checkpoint_request_id: '1' } }));
    });
  }
}).listen(0, '127.0.0.1', function () {
  console.log(this.address().port);
});
