import { describe, expect, test } from 'vitest';
import type { Failure } from '../../../gateway/core/shared/failure.ts';
import { httpUpstream, type Upstream } from '../../../gateway/transport/upstream.ts';
import { blackhole, ok, raw, stream } from '../../faults/scripts.ts';
import { FaultyUpstream, type ResponseScript, refusedUrl } from '../../faults/upstream.ts';

interface Heard {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string;
  length: number;
  failure: Failure | undefined;
}

const sent = async (url: string, allowPrivate = true): Promise<Heard> => {
  const upstream = httpUpstream();
  const captured: Heard = { status: 0, headers: {}, body: '', length: 0, failure: undefined };
  await new Promise<void>(resolve => {
    upstream.send(
      { url, headers: { 'x-a': 'b' }, body: '{"é":1}', allowPrivate },
      {
        headers: (status, headers) => Object.assign(captured, { status, headers }),
        chunk: bytes => {
          captured.length += bytes.byteLength;
          if (captured.length < 1000) captured.body += Buffer.from(bytes).toString();
        },
        end: resolve,
        failed: failure => {
          captured.failure = failure;
          resolve();
        },
      },
    );
  });
  await upstream.close();
  return captured;
};

/** A call that is read to its end. */
const readAll = (upstream: Upstream, url: string): Promise<void> =>
  new Promise((end, failed) => {
    upstream.send({ url, headers: {}, body: '{}', allowPrivate: true }, { headers: () => {}, chunk: () => {}, end, failed });
  });

async function heardOf(act: ResponseScript): Promise<Heard> {
  await using faulty = await FaultyUpstream.start(act);
  return await sent(`${faulty.url}/v1/x?y=1`);
}

describe('a call', () => {
  test('sends what it was given and hears what came', async () => {
    await using faulty = await FaultyUpstream.start(ok('hello', { 'X-Two': 'a', 'content-type': 'text/plain' }));
    const captured = await sent(`${faulty.url}/v1/x?y=1`);
    expect(captured).toMatchObject({
      status: 200,
      headers: { 'x-two': 'a', 'content-type': 'text/plain' },
      body: 'hello',
      failure: undefined,
    });
    expect(faulty.calls[0]).toMatchObject({ method: 'POST', path: '/v1/x?y=1', headers: { 'x-a': 'b', 'content-length': '8' } });
    expect(faulty.calls[0]!.body.toString()).toBe('{"é":1}');
  });

  test('joins several headers of one name', async () => {
    const captured = await heardOf(raw('HTTP/1.1 200 OK\r\nx-a: 1\r\nX-A: 2\r\ncontent-length: 0\r\n\r\n', 'keep'));
    expect(captured.headers['x-a']).toBe('1, 2');
  });

  test('passes over interim answers', async () => {
    const captured = await heardOf(raw('HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok', 'keep'));
    expect(captured).toMatchObject({ status: 200, body: 'ok' });
  });

  test.each<[string, ResponseScript, Partial<Failure>]>([
    ['the connection ends before the headers', raw(''), { kind: 'unreachable' }],
    ['the connection is reset', raw('', 'rst'), { kind: 'unreachable' }],
    ['the body is shorter than its length', raw('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhell'), { kind: 'truncated', status: 200 }],
    [
      'the body ends in the middle of a chunk',
      raw('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhell'),
      { kind: 'truncated', status: 200 },
    ],
    ['the last chunk is missing', stream(['hello'], { ending: 'fin' }), { kind: 'truncated', status: 200 }],
    ['the bytes are no HTTP', raw('hello\r\n\r\n'), { kind: 'invalid-response' }],
    ['the headers are endless', raw(`HTTP/1.1 200 OK\r\nx: ${'a'.repeat(100_000)}\r\n\r\n`), { kind: 'invalid-response' }],
  ])('fails when %s', async (_, act, failure) => {
    expect((await heardOf(act)).failure).toMatchObject(failure);
  });

  test('fails when the port is closed', async () => {
    expect((await sent(await refusedUrl())).failure).toMatchObject({ kind: 'unreachable', code: 'ECONNREFUSED' });
  });

  test('stops at 64 MiB', async () => {
    const megabyte = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(1024 * 1024, 'x'), Buffer.from('\r\n')]);
    const endless: ResponseScript = [
      { send: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n' },
      ...Array.from({ length: 80 }, () => ({ send: megabyte })),
    ];
    const { failure, length } = await heardOf(endless);
    expect(failure).toMatchObject({ kind: 'invalid-response', code: 'UND_ERR_RES_EXCEEDED_MAX_SIZE' });
    expect(length).toBeLessThanOrEqual(64 * 1024 * 1024);
  });

  test.each(['http://127.0.0.1:9/', 'http://[::ffff:127.0.0.1]:9/', 'http://localhost:9/', 'http://169.254.169.254/'])(
    'reaches %s only when the operator allowed it',
    async url => {
      const { failure } = await sent(url, false);
      expect(failure).toMatchObject({ kind: 'unreachable' });
      expect(failure!.message).toMatch(/private/);
    },
  );

  test('that is aborted closes its connection and sends no more events', async () => {
    await using faulty = await FaultyUpstream.start(blackhole);
    const upstream = httpUpstream();
    const spoken: string[] = [];
    const hear = (what: string) => () => spoken.push(what);
    const handle = upstream.send(
      { url: faulty.url, headers: {}, body: '{}', allowPrivate: true },
      { headers: hear('headers'), chunk: hear('chunk'), end: hear('end'), failed: hear('failed') },
    );
    const call = await faulty.waitForCall(1);
    const before = performance.now();
    handle.abort();
    handle.abort();
    expect(await call.closed).toBe('caller');
    expect(performance.now() - before).toBeLessThan(1000);
    expect(spoken).toEqual([]);
    await upstream.close();
  });

  test('that is aborted before it was sent is never made', async () => {
    await using faulty = await FaultyUpstream.start(ok('hello'));
    const upstream = httpUpstream();
    const handle = upstream.send(
      { url: faulty.url, headers: {}, body: '{}', allowPrivate: true },
      { headers: () => {}, chunk: () => {}, end: () => {}, failed: () => {} },
    );
    handle.abort();
    // Calls that come after it have long been answered, and it is still not there.
    for (let n = 0; n < 5; n++) await readAll(upstream, faulty.url);
    expect(faulty.calls).toHaveLength(5);
    await upstream.close();
  });

  test('beyond the connections to an origin fails at once, and not when one is free again', async () => {
    await using faulty = await FaultyUpstream.start(blackhole);
    const upstream = httpUpstream(2);
    const failures: Failure[] = [];
    const send = (failed: (failure: Failure) => void) =>
      upstream.send(
        { url: faulty.url, headers: {}, body: '{}', allowPrivate: true },
        { headers: () => {}, chunk: () => {}, end: () => {}, failed },
      );
    const [first] = [send(seen => failures.push(seen)), send(seen => failures.push(seen))];
    const refusal = await new Promise<Failure>(resolve => void send(resolve));
    expect(refusal).toEqual({ kind: 'overloaded', message: `all 2 connections to ${faulty.url} are in use` });
    await faulty.waitForCall(2);
    first.abort();
    send(seen => failures.push(seen));
    await faulty.waitForCall(3);
    expect(failures).toEqual([]);
    await upstream.close();
  });

  test('that pauses holds the provider back until it resumes', async () => {
    const pieces = Array.from({ length: 400 }, () => 'x'.repeat(64 * 1024));
    await using faulty = await FaultyUpstream.start(stream(pieces));
    const upstream = httpUpstream();
    let received = 0;
    const ended = Promise.withResolvers<void>();
    const handle = upstream.send(
      { url: faulty.url, headers: {}, body: '{}', allowPrivate: true },
      {
        headers: () => {},
        chunk: bytes => {
          if (received === 0) handle.pause();
          received += bytes.byteLength;
        },
        end: ended.resolve,
        failed: ended.reject,
      },
    );
    await faulty.waitForCall(1);
    // Meanwhile there is time for others to be answered whole, and more than once.
    await using other = await FaultyUpstream.start(stream(pieces));
    for (let n = 0; n < 3; n++) await readAll(upstream, other.url);
    const whilePaused = received;
    expect(whilePaused).toBeLessThan(4 * 1024 * 1024);
    handle.resume();
    await ended.promise;
    expect(received).toBe(400 * 64 * 1024);
    await upstream.close();
  });
});
