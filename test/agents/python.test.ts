/** The official Python clients, where Python has them, at targets of other formats. */
import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startBench } from './matrix.ts';

const python = process.env.HINDCAST_PYTHON ?? 'python3';
const has = (library: string): boolean => spawnSync(python, ['-c', `import ${library}`], { timeout: 20_000 }).status === 0;
const program = join(import.meta.dirname, '../fixtures/agents/clients.py');

const run = (url: string, model: string, library: string): Promise<readonly Record<string, unknown>[]> =>
  new Promise((resolve, reject) => {
    execFile(python, [program, url, model, library], { timeout: 60_000 }, (problem, stdout, stderr) => {
      if (problem) return reject(new Error(stderr.slice(-600)));
      resolve(
        stdout
          .trim()
          .split('\n')
          .map(line => JSON.parse(line) as Record<string, unknown>),
      );
    });
  });

const expected = {
  openai: {
    target: 'anthropic',
    lines: [
      { name: 'openai chat', tool: 'weather', finish: 'tool_calls' },
      { name: 'openai chat, streamed', text: 'It rains.' },
      { name: 'openai responses', tool: 'weather' },
      { name: 'openai responses, streamed', text: 'It rains.' },
    ],
  },
  anthropic: {
    target: 'openai',
    lines: [
      { name: 'anthropic count', tokens: expect.any(Number) },
      { name: 'anthropic', tool: 'weather', stop: 'tool_use' },
      { name: 'anthropic, streamed', text: 'It rains.' },
    ],
  },
} as const;

for (const [library, { target, lines }] of Object.entries(expected)) {
  const isThere = has(library);
  test.skipIf(!isThere)(`${library} of ${python}${isThere ? '' : ' is not installed'}`, { timeout: 90_000 }, async () => {
    await using bench = await startBench();
    bench.targets[target].play({ turns: [[{ name: 'weather', arguments: '{"city":"Oslo"}' }]], finalText: 'It rains.' });
    expect(await run(bench.gateway.url, `to-${target}`, library)).toEqual(lines);
  });
}
