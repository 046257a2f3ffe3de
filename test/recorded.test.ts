/**
 * The same walk on real input: recorded provider responses over real sockets, sent through the gateway, replayed to other providers, swept and
 * gated; and a published chain of two models, imported and swept.
 */
import { describe, expect, test } from 'vitest';
import { providers } from '../gateway/providers/index.ts';
import { contentOf, readAnswer } from '../replay/recorded/answer.ts';
import { Workspace } from './hindcast.ts';
import { messagesOf, type RecordedRow, serveRecordings, usableRows } from './recorded-upstream.ts';
import { recording, unlessRecorded } from './recordings.ts';

const wire = 'wire/openai.jsonl';
const outcomes = 'eval/mot_date_outcomes.jsonl';

const configFor = (upstream: string): string => `
server: { port: 0 }
store: { port: 0 }
providers:
  openai: { api: openai, base_url: "${upstream}/v1", allow_private: true, key: none }
  anthropic: { api: anthropic, base_url: "${upstream}", allow_private: true, key: none }
  gemini: { api: gemini, base_url: "${upstream}", allow_private: true, key: none }
routes:
  chat: [openai/gpt-4o-mini, anthropic/claude-haiku-4-5]
`;

const gate = (metric: string, assertion: string): string => `
version: 1
baseline: recorded
candidate: { arm: anthropic/claude-haiku-4-5 }
data: { since: 1h, run: latest }
gates:
  - { name: what is asked of it, metric: ${metric}, assert: "${assertion}" }
`;

/** Of several recorded answers to the same messages the upstream gives the first. */
function firstOfEach(rows: readonly RecordedRow[]): readonly RecordedRow[] {
  return [...new Map(rows.toReversed().map(row => [`${row.framing} ${messagesOf(row.request!)}`, row])).values()];
}

async function storedIn(storeUrl: string): Promise<number> {
  const answer = await fetch(`${storeUrl}/?query=${encodeURIComponent('SELECT count() FROM requests')}`);
  return Number(await answer.text());
}

describe.skipIf(!recording(wire))(`recorded traffic${unlessRecorded(wire)}`, () => {
  test('passes through the gateway unharmed, is asked again of others, and gated', { timeout: 120_000 }, async () => {
    const upstream = await serveRecordings();
    await using place = new Workspace(configFor(upstream.url));
    const gateway = await place.serve();
    const rows = firstOfEach(usableRows(wire, ['chat'])).filter((_, i) => i % 5 === 0);
    expect(rows.length).toBeGreaterThan(50);
    let refused = 0;
    for (const row of rows) {
      const response = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...row.request, model: 'chat' }),
      });
      const bytes = Buffer.from(await response.arrayBuffer());
      // A body that was cut or mangled when it was recorded is the caller's own fault here, too.
      if (response.status === 400) refused++;
      else {
        expect([row.id, response.status]).toEqual([row.id, 200]);
        const stream = row.framing === 'sse';
        const sent = contentOf(readAnswer(providers.openai!, stream, bytes));
        const same = contentOf(readAnswer(providers.openai!, stream, Buffer.from(row.body)));
        expect([row.id, sent]).toEqual([row.id, same]);
      }
    }
    expect(refused).toBeLessThan(rows.length / 20);

    await gateway.flush();
    await expect.poll(() => storedIn(gateway.storeUrl), { timeout: 30_000 }).toBe(rows.length - refused);
    const run = await place.run(
      'replay',
      'run',
      '--since',
      '1h',
      '--against',
      'anthropic/claude-haiku-4-5',
      '--against',
      'gemini/gemini-2.5-flash',
      '--json',
    );
    expect(run.code).toBe(0);
    expect(JSON.parse(run.stdout)).toMatchObject({ asked: 2 * (rows.length - refused), left: 0 });
    const diff = await place.run('replay', 'diff', 'latest');
    expect(diff.stdout).toContain('gemini/gemini-2.5-flash against the record');
    const sweep = await place.run('eval', 'sweep', '--chain', 'openai/gpt-4o-mini,anthropic/claude-haiku-4-5', '--run', 'latest');
    // No recorded answer carries log-probabilities, and that is what a sweep must say of it.
    expect([sweep.code, sweep.stdout]).toEqual([0, expect.stringContaining('no answer of openai/gpt-4o-mini shows the signal confidence')]);
    place.write('holds.yaml', gate('error_rate', 'value < 20%'));
    const holds = await place.run('eval', 'gate', 'holds.yaml');
    expect([holds.code, holds.stdout]).toEqual([0, expect.stringMatching(/^PASS/m)]);
    // Claude is dearer than the model that was recorded.
    place.write('broken.yaml', gate('cost_per_1k', 'delta < -20%'));
    const broken = await place.run('eval', 'gate', 'broken.yaml');
    expect([broken.code, broken.stdout]).toEqual([1, expect.stringMatching(/^FAIL/m)]);
    await gateway.end('SIGINT');
    await upstream.close();
  });
});

describe.skipIf(!recording(outcomes))(`published outcomes${unlessRecorded(outcomes)}`, () => {
  test('are imported once, and swept to the published numbers', { timeout: 60_000 }, async () => {
    await using place = new Workspace('server: { port: 0 }\nstore: { port: 0 }\nproviders: { sim: { api: simulated } }\n');
    const file = recording(outcomes)!;
    expect((await place.run('eval', 'import', file)).code).toBe(0);
    const repeated = await place.run('eval', 'import', file);
    expect(repeated.code).toBe(0);
    const sweep = await place.run('eval', 'sweep', '--chain', 'gpt-3.5/cot1+pot1,gpt-4/cot-sc', '--run', 'latest', '--json');
    expect(sweep.stderr).toBe('');
    expect(sweep.code).toBe(0);
    expect(sweep.stdout).toContain('0.8970');
  });
});
