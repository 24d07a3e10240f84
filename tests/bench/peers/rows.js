/* The rows of workload W, as the bench's own program prints them: one JSON object a line. */
import { readFileSync } from 'node:fs';

export function readRows(path) {
  return readFileSync(path, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
}

/** Milliseconds of the monotonic clock that an asynchronous call takes. */
export async function timed(call) {
  const start = process.hrtime.bigint();
  await call();
  return Number(process.hrtime.bigint() - start) / 1e6;
}

/** The one line that tests/bench/run reads. */
export function finish(result) {
  process.stdout.write(JSON.stringify(result) + '\n', () => process.exit(0));
}

export function check(condition, what) {
  if (!condition) throw new Error(what);
}
