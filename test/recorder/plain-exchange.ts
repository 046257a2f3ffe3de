/** Plain exchanges for tests that are about where records go, and a folder of one's own to put them in. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Exchange } from '../../gateway/core/exchange.ts';
import { payloadIdentity } from '../../recorder/spool/payload-identity.ts';
import { parseSegment, parseSegmentName } from '../../recorder/spool/segment.ts';

export interface Folder extends Disposable {
  readonly path: string;
}

export function temporaryFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'hindcast-spool-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true, maxRetries: 10 }) };
}

/** A UUIDv7 of now. */
export function newId(at = Date.now()): string {
  const time = Math.floor(at).toString(16).padStart(12, '0');
  const chance = randomBytes(9).toString('hex');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${chance.slice(0, 3)}-8${chance.slice(3, 6)}-${chance.slice(6)}`;
}

/** A plain question answered by one attempt. */
export function plainExchange(changes: Partial<Exchange> = {}): Exchange {
  const receivedAt = changes.receivedAt ?? Date.now();
  const request = Buffer.from('{"model":"smart","messages":[{"role":"user","content":"Say hello"}]}');
  const response = Buffer.from('{"choices":[{"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}]}');
  const usage = { input: 12, output: 3, cached: 0, cacheWrite: 0, reasoning: 0, source: 'provider' } as const;
  const finish = { reason: 'stop', raw: 'stop' } as const;
  return {
    id: newId(receivedAt),
    receivedAt,
    endedAt: receivedAt + 90,
    caller: { tenant: 'default', project: '', user: '', key: '', requestId: '', conversation: '', tags: {} },
    trace: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), parentSpanId: '' },
    operation: 'chat',
    dialect: 'openai',
    requestedModel: 'smart',
    policy: { name: 'smart', deadlineMs: 60_000, steps: [{ target: 'sim/small', timeoutMs: 10_000, retries: 1, backoffMs: 200 }] },
    configHash: '0123456789abcdef',
    stream: false,
    request,
    requestHeaders: { 'content-type': 'application/json' },
    response,
    status: 200,
    outcome: 'ok',
    decision: { type: 'answered', attempt: 0 },
    events: [{ at: receivedAt + 80, closed: {}, type: 'attempt-answered', attempt: 0, signals: { mean_logprob: 0.9 } }],
    attempts: [
      {
        number: 1,
        kind: 'primary',
        step: 0,
        target: 'sim/small',
        provider: 'sim',
        model: 'small',
        servedModel: 'small',
        credential: '',
        spanId: 'c'.repeat(16),
        startedAt: receivedAt + 1,
        endedAt: receivedAt + 80,
        firstByteMs: 40,
        firstTokenMs: 41,
        status: 200,
        outcome: 'ok',
        accepted: true,
        request: Buffer.from('{"model":"small","messages":[{"role":"user","content":"Say hello"}]}'),
        response,
        chunks: [[40.1234, response.length]],
        providerRequestId: 'req_1',
        finish,
        usage,
        cost: { input: 1_200, output: 900, total: 2_100, priceId: 'prices/1/sim/small' },
        signals: { mean_logprob: 0.9 },
        warnings: [],
        flags: [],
      },
    ],
    finish,
    usage,
    costNanoUsd: 2_100,
    firstTokenMs: 42,
    overheadMs: 1.5,
    warnings: [],
    flags: [],
    ...changes,
  };
}

/** Ids of what lies in a spool folder, in order of writing. */
export function idsIn(folder: string): readonly string[] {
  const names = readdirSync(folder)
    .filter(name => parseSegmentName(name))
    .sort();
  return names.flatMap(name => {
    const { frames } = parseSegment(readFileSync(join(folder, name)), parseSegmentName(name)!.id);
    return frames.map(frame => payloadIdentity(frame.payload).ids[0]!);
  });
}
