/** Agents' sessions, as transcripts, at every target with its real limits: with tools, with a stream that breaks, and with a target that fails in the middle. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bench, features, formatMatrix, type Row, rowOf, startBench } from './matrix.ts';
import { targetNames } from './strict-target.ts';
import { scriptedAgents } from './transcripts.ts';

let bench: Bench;
const rows: { readonly agent: string; readonly target: string; readonly row: Row }[] = [];
beforeAll(async () => {
  bench = await startBench();
});
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  console.log(formatMatrix(rows));
});

describe.each(scriptedAgents())('$name', agent => {
  test.each(targetNames)('at %s', async target => {
    const row = await rowOf(bench, agent, target);
    rows.push({ agent: agent.name, target, row });
    for (const feature of features) {
      expect(row[feature], feature).not.toMatchObject({ mark: 'X' });
      if (row[feature].mark === 'r') expect(row[feature].reason).toMatch(/.{10}/);
    }
  });
});
