/** Scores that callers attach to a response. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Sealed, seal } from '../../gateway/core/exchange.ts';
import type { Feedback } from '../../gateway/core/signals/feedback.ts';
import { decodeRecord, isFeedback } from '../../recorder/spool/record-encoding.ts';
import { parseSegment } from '../../recorder/spool/segment.ts';
import { openSpool } from '../../recorder/spool/spool.ts';
import { MemorySink, startGateway } from './harness.ts';

class ListeningSink extends MemorySink {
  readonly said: Feedback[] = [];
  async feedback(feedback: Feedback): Promise<Sealed> {
    if (this.broken) throw this.broken;
    this.said.push(feedback);
    return seal();
  }
}

const id = '019ab5f2-5b7e-7cc0-9d35-0f2b1a6c1d11';
const at = 0x019ab5f25b7e;
const hash = (key: string): string => `sha256:${createHash('sha256').update(key).digest('hex')}`;
const open = 'providers: { sim: { api: simulated } }';
const keyed = `${open}
tenants: { acme: { routes: [] } }
keys:
  - { name: web, hash: "${hash('hc_web')}", tenant: acme, user: u1 }
  - { name: boss, hash: "${hash('hc_boss')}", tenant: acme, role: admin }
`;

const say = async (url: string, body: object | string, headers: Record<string, string> = {}) => {
  const response = await fetch(`${url}/v1/feedback`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as { error?: { code: string; param: string | null; message: string } } };
};

describe('feedback', () => {
  test('is accepted as one score and as a list, with the time of its request', async () => {
    const sink = new ListeningSink();
    await using gateway = await startGateway(open, { sink });
    const short = await say(gateway.url, { request_id: id.toUpperCase(), value: true, label: 'up' });
    expect(short).toEqual({ status: 202, body: { object: 'feedback', request_id: id, scores: 1 } });
    expect(sink.said[0]).toMatchObject({
      request: id,
      tenant: 'default',
      scores: [{ name: 'quality', source: 'client', value: 1, label: 'up', at }],
    });
    const list = [
      { name: 'tone', value: 7 },
      { value: 0.5, comment: 'so so' },
    ];
    expect((await say(gateway.url, { request_id: id, scores: list })).status).toBe(202);
    expect(sink.said[1]!.scores.map(s => [s.name, s.value, s.explanation])).toEqual([
      ['tone', 7, ''],
      ['quality', 0.5, 'so so'],
    ]);
  });

  test('repeated by the same caller has the same id, from another caller its own', async () => {
    const sink = new ListeningSink();
    await using gateway = await startGateway(open, { sink });
    for (const [value, user] of [
      [1, 'a'],
      [0, 'a'],
      [0, 'b'],
    ] as const)
      await say(gateway.url, { request_id: id, value, user });
    const ids = sink.said.map(({ scores }) => scores[0]!.id);
    expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect([ids[0] === ids[1], ids[0] === ids[2]]).toEqual([true, false]);
  });

  test.each([
    [{ value: 1 }, 'request_id'],
    [{ request_id: 'chatcmpl-1', value: 1 }, 'request_id'],
    [{ request_id: id }, 'value'],
    [{ request_id: id, value: 'good' }, 'value'],
    [{ request_id: id, value: 7 }, 'value'],
    [{ request_id: id, name: 'a b', value: 1 }, 'name'],
    [{ request_id: id, value: 1, rating: 5 }, 'rating'],
    [{ request_id: id, scores: [] }, 'scores'],
    [{ request_id: id, scores: [{ value: 1 }, { value: 2 }] }, 'scores.1.value'],
  ])('%j is refused, and the field named', async (body, param) => {
    await using gateway = await startGateway(open, { sink: new ListeningSink() });
    const { status, body: reported } = await say(gateway.url, body);
    expect([status, reported.error!.param]).toEqual([400, param]);
  });

  test('needs a key when keys are configured, and only an admin key may send human labels', async () => {
    const sink = new ListeningSink();
    await using gateway = await startGateway(keyed, { sink });
    const sent = { request_id: id, value: 1 };
    expect((await say(gateway.url, sent)).status).toBe(401);
    expect((await say(gateway.url, sent, { authorization: 'Bearer hc_web' })).status).toBe(202);
    expect(sink.said[0]).toMatchObject({ tenant: 'acme', scores: [{ evaluator: 'u1' }] });
    const human = { ...sent, source: 'human' };
    expect(await say(gateway.url, human, { authorization: 'Bearer hc_web' })).toMatchObject({
      status: 403,
      body: { error: { param: 'source' } },
    });
    expect((await say(gateway.url, human, { authorization: 'Bearer hc_boss' })).status).toBe(202);
  });

  test('that cannot be recorded is rejected, never confirmed', async () => {
    const sink = new ListeningSink();
    await using gateway = await startGateway(open, { sink });
    expect((await say(gateway.url, '{')).body.error!.code).toBe('invalid_json');
    sink.broken = new Error('disk');
    expect((await say(gateway.url, { request_id: id, value: 1 })).status).toBe(503);
    sink.broken = undefined;
    sink.full = 'full';
    expect((await say(gateway.url, { request_id: id, value: 1 })).status).toBe(503);
    expect(sink.said).toEqual([]);
  });

  test('is on disk when it is confirmed, beside the exchanges', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hindcast-feedback-'));
    const sink = openSpool(folder, { durability: 'process', whenFull: 'refuse', bytesMax: 1e9 });
    const feedback: Feedback = {
      request: id,
      tenant: 't',
      scores: [{ id, name: 'quality', source: 'human', value: 1, label: '', explanation: 'é', evaluator: '', at }],
    };
    await sink.feedback!(feedback);
    const [name] = readdirSync(folder).filter(file => file.endsWith('.open'));
    const { frames } = parseSegment(readFileSync(join(folder, name!)), name!.split('.')[0]!);
    const record = decodeRecord(frames[0]!.payload);
    expect(isFeedback(record)).toBe(true);
    expect(record).toEqual(feedback);
    await sink.close();
    rmSync(folder, { recursive: true });
  });
});
