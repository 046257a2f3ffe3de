/** Claude Code and Codex themselves, headless, at targets that enforce their real limits. The whole matrix is long; a push plays one session of each that is installed. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isLong } from '../runs.ts';
import { type Bench, features, formatMatrix, type Row, rowOf, startBench } from './matrix.ts';
import { programs } from './programs.ts';
import { targetNames } from './strict-target.ts';

const { agents, missing } = programs(isLong);
const pushTarget = { 'claude 2.1.332': 'openai', 'codex 0.171.0': 'anthropic' } as const;
const rowTimeoutMs = 300_000;

let bench: Bench;
const rows: { readonly agent: string; readonly target: string; readonly row: Row }[] = [];
beforeAll(async () => {
  bench = await startBench();
});
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  if (rows.length > 0) console.log(formatMatrix(rows));
});

test.skipIf(missing.length === 0)(`skipped: ${missing.join('; ') || 'nothing'}`, () => {});

describe.each(agents)('$name', agent => {
  test.skipIf(isLong)('does its work at a target of another format', { timeout: rowTimeoutMs }, async () => {
    const target = pushTarget[agent.name as keyof typeof pushTarget];
    const route = agent.model ?? `to-${target}`;
    await using own = await startBench(agent.model ? { [agent.model]: target } : {});
    own.targets[target].play({ turns: agent.turns, finalText: 'The marker is written down.' });
    const { calls } = await agent.play(own.gateway.url, route);
    expect(calls).toEqual(agent.turns.flat());
    expect(own.targets[target].seen.filter(({ refusal }) => refusal)).toEqual([]);
  });

  test.runIf(isLong).each(targetNames)('at %s', { timeout: rowTimeoutMs }, async target => {
    const row = await rowOf(bench, agent, target);
    rows.push({ agent: agent.name, target, row });
    for (const feature of features) expect(row[feature], feature).not.toMatchObject({ mark: 'X' });
  });
});
