/** Commands as children of a gateway: bounded, and ended when who asked leaves. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { CommandsBusy } from '../../gateway/admin/commands.ts';
import { openCommands } from '../../gateway/cli/admin/child-commands.ts';

const folder = mkdtempSync(join(tmpdir(), 'hindcast-commands-'));
const [, before] = process.argv;

/** `wait` never ends; `fail` says why; anything else prints what it was given. */
const program = `
const [name, ...rest] = process.argv.slice(2);
if (name === 'wait') { process.send?.({ run: 'r1' }); process.on('SIGINT', () => process.exit(130)); setInterval(() => {}, 1e6); }
else if (name === 'fail') { console.error('There is nothing.'); process.exitCode = 5; }
else console.log(JSON.stringify({ name, rest }));
`;

beforeAll(() => {
  const path = join(folder, 'program.mjs');
  writeFileSync(path, program);
  process.argv[1] = path;
});
afterAll(() => {
  process.argv[1] = before!;
  rmSync(folder, { recursive: true });
});

test('a command gets its options with the configuration, and its JSON is the answer', async () => {
  const commands = openCommands('/etc/hindcast.yaml');
  const result = await commands.run(['eval', '--chain=-o x'], new AbortController().signal);
  expect(result).toEqual({ ok: true, json: { name: 'eval', rest: ['--chain=-o x', '--json', '--config=/etc/hindcast.yaml'] } });
});

test('a command that found nothing says so in its own words', async () => {
  expect(await openCommands(undefined).run(['fail'], new AbortController().signal)).toEqual({
    ok: false,
    isNothing: true,
    message: 'There is nothing.',
  });
});

test('a third question at once is refused, and leaving ends the command that was asked for', async () => {
  const commands = openCommands(undefined);
  const [first, second] = [new AbortController(), new AbortController()];
  const running = [first, second].map(({ signal }) => commands.run(['wait'], signal));
  await expect(commands.run(['eval'], new AbortController().signal)).rejects.toThrow(CommandsBusy);
  first.abort();
  second.abort();
  expect((await Promise.all(running)).map(({ ok }) => ok)).toEqual([false, false]);
  expect((await commands.run(['eval'], new AbortController().signal)).ok).toBe(true);
});

test('a run tells its id and goes on until it is paused', async () => {
  const commands = openCommands(undefined);
  expect(await commands.startRun(['wait'])).toEqual({ ok: true, run: 'r1' });
  expect(commands.pauseRun('r1')).toBe(true);
  await vi.waitUntil(() => !commands.pauseRun('r1'), { timeout: 5_000 });
});
