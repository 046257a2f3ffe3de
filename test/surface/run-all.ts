/** Runs commands one after the other in this one process, as `node main.ts …` would each: a list of argument lists comes in, what each said goes out. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const main = pathToFileURL(resolve(import.meta.dirname, '../../main.ts')).href;
const commands = JSON.parse(readFileSync(0, 'utf8')) as readonly (readonly string[])[];
const write = { stdout: process.stdout.write.bind(process.stdout), stderr: process.stderr.write.bind(process.stderr) };
const ended: object[] = [];
// Each reading of the command line listens to the output.
for (const stream of [process, process.stdout, process.stderr]) stream.setMaxListeners(0);
for (const [i, args] of commands.entries()) {
  const reported = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    process[stream].write = ((chunk: string | Uint8Array, ...more: unknown[]) => {
      reported[stream] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
      const done = more.at(-1);
      if (typeof done === 'function') done();
      return true;
    }) as typeof process.stdout.write;
  }
  process.argv = [process.argv[0]!, 'main.ts', ...args];
  process.exitCode = 0;
  // Another query is another module: the command line is read anew, everything under it is loaded once.
  await import(`${main}?${i}`);
  ended.push({ code: Number(process.exitCode), ...reported });
}
process.exitCode = 0;
write.stdout(JSON.stringify(ended));
