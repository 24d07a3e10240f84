/*
 * PouchDB's client: pouchdb.js ADAPTER FOLDER PORT PUSH_ROWS ROW_COUNT
 *
 * ADAPTER is leveldb (its writes are not flushed) or websql (SQLite, durable). First sync: replicate all documents of the server's
 * database w, 1,000 a batch. Push: 1,000 local documents to an empty database of the server.
 */
import PouchDB from 'pouchdb';
import path from 'node:path';
import { check, finish, readRows, timed } from './rows.js';

const [adapter, folder, port, pushPath, expected] = process.argv.slice(2);
if (adapter === 'websql') PouchDB.plugin((await import('pouchdb-adapter-node-websql')).default);
const options = { adapter };
const replication = { batch_size: 1000, batches_limit: 10 };
const remote = `http://127.0.0.1:${port}`;

const local = new PouchDB(path.join(folder, `w-${adapter}`), options);
const first = await timed(() => local.replicate.from(`${remote}/w`, replication));
const { doc_count: count } = await local.info();
check(count === Number(expected), `${count} documents instead of ${expected}`);
const memory = process.memoryUsage().rss;

const queue = new PouchDB(path.join(folder, `queue-${adapter}`), options);
const results = await queue.bulkDocs(readRows(pushPath).map(({ id, ...row }) => ({ _id: id, ...row })));
check(results.every((result) => result.ok), 'not all documents were recorded');
const target = new PouchDB(`${remote}/pushed-${adapter}-${process.pid}`);
await target.info(); // made before the clock starts
const push = await timed(() => queue.replicate.to(target, replication));
check((await target.info()).doc_count === 1000, 'the server lacks documents');
finish({ first_ms: first, push_ms: push, rss_bytes: memory });
