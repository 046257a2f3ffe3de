/** The gateway over real sockets: what callers see, event by event, and what providers see of them. */
import { once } from 'node:events';
import { connect } from 'node:net';
import OpenAI from 'openai';
import { expect, test } from 'vitest';
import type { Exchange, Sealed } from '../../gateway/core/exchange.ts';
import type { Log } from '../../gateway/settings/log.ts';
import {
  chunk,
  exchangeBytes,
  hi,
  MemorySink,
  post,
  type Responder,
  respondAsRequested,
  respondJson,
  respondStream,
  settingsOf,
  startGateway,
  startUpstream,
  twoProviders,
} from './harness.ts';

const never: Responder = () => {};
const client = (url: string) => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any', maxRetries: 0 });
const streamed = { ...hi, stream: true };

const codeOf = async (response: Response): Promise<string> => ((await response.json()) as { error: { code: string } }).error.code;

/** Text as it arrives, piece by piece. */
async function* texts(response: Response): AsyncGenerator<string> {
  for await (const bytes of response.body!) yield Buffer.from(bytes).toString();
}

test('an answer passes as the provider gave it, and its headers say who that was', async () => {
  await using provider = await startUpstream(respondAsRequested);
  await using gateway = await startGateway(twoProviders(provider.url, provider.url));
  const response = await post(gateway.url, hi, {
    'x-request-id': 'mine-1',
    'x-hindcast-tag-team': 'red',
    'x-hindcast-conversation': 'talk-1',
    'user-agent': 'tester/1',
  });
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ id: 'chatcmpl-1', choices: [{ message: { content: 'hello' } }] });
  const id = response.headers.get('x-hindcast-id')!;
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'x-request-id': id,
    'x-hindcast-route': 'm-fast',
    'x-hindcast-target': 'A/fast',
    'x-hindcast-attempts': '1',
    'x-hindcast-config': expect.stringMatching(/^[0-9a-f]{16}$/),
  });
  expect(JSON.parse(provider.requests[0]!.body)).toEqual({ ...hi, model: 'fast' });
  expect(provider.requests[0]!.headers).toMatchObject({ authorization: 'Bearer sk-prov-a-1234567890', 'x-hindcast-hop': '1' });
  const exchange = await gateway.sink.next();
  expect(exchange).toMatchObject({
    id,
    outcome: 'ok',
    requestedModel: 'm-fast',
    caller: { tenant: 'default', requestId: 'mine-1', conversation: 'talk-1', tags: { team: 'red' } },
    requestHeaders: { 'user-agent': 'tester/1' },
  });
  expect(Buffer.from(exchange.request).toString()).toBe(JSON.stringify(hi));
});

test('the official client reads non-streaming responses, streams and errors', async () => {
  await using provider = await startUpstream(respondAsRequested);
  await using gateway = await startGateway(twoProviders(provider.url, provider.url));
  const openai = client(gateway.url);
  const messages = [{ role: 'user' as const, content: 'hi' }];
  const complete = await openai.chat.completions.create({ model: 'm-fast', messages });
  expect(complete.choices[0]!.message.content).toBe('hello');
  const stream = openai.chat.completions.stream({ model: 'A/other', messages, stream_options: { include_usage: true } });
  const final = await stream.finalChatCompletion();
  expect(final.choices[0]!.message.content).toBe('hello');
  expect(final.usage?.completion_tokens).toBe(2);
  expect((await openai.models.list()).data.map(model => model.id)).toContain('m-fast');
  expect((await openai.models.retrieve('A/fast')).owned_by).toBe('A');
  await expect(openai.chat.completions.create({ model: 'none', messages })).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
  await expect(openai.models.retrieve('none/none')).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
});

test('a list of models may stand in for a model, and is our own affair', async () => {
  await using provider = await startUpstream(respondAsRequested);
  await using gateway = await startGateway(twoProviders(provider.url, provider.url));
  const response = await post(gateway.url, { messages: hi.messages, models: ['A/one', 'B/two'] });
  expect([response.status, response.headers.get('x-hindcast-target')]).toEqual([200, 'A/one']);
  expect(JSON.parse(provider.requests[0]!.body)).toEqual({ messages: hi.messages, model: 'one' });
});

test('the simulated provider answers the official client without any network', async () => {
  await using gateway = await startGateway('providers: { sim: { api: simulated } }');
  const openai = client(gateway.url);
  const requested = { model: 'sim/small', messages: [{ role: 'user' as const, content: 'Say hello' }] };
  const complete = await openai.chat.completions.create(requested);
  let text = '';
  for await (const part of await openai.chat.completions.create({ ...requested, stream: true }))
    text += part.choices[0]?.delta.content ?? '';
  expect(text).toBe(complete.choices[0]!.message.content);
  expect((await gateway.sink.next()).costNanoUsd).toBeGreaterThan(0);
});

test('events reach the caller one by one, also one that would take gzip', async () => {
  const words = ['one', 'two', 'three', 'four'];
  let release = (): void => {};
  const next = () =>
    new Promise<void>(resolve => {
      release = resolve;
    });
  await using provider = await startUpstream(respondStream(words, next));
  await using gateway = await startGateway(twoProviders(provider.url, provider.url));
  const response = await post(gateway.url, streamed, { 'accept-encoding': 'gzip, br' });
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    'x-accel-buffering': 'no',
  });
  expect(response.headers.get('content-encoding')).toBeNull();
  const read: string[] = [];
  for await (const text of texts(response)) {
    read.push(text);
    // The provider says the next word only when the one before it is here.
    const seen = words.filter(word => read.join('').includes(word)).length;
    if (seen < words.length) expect(read.join('')).not.toContain(words[seen + 1] ?? 'nothing');
    release();
  }
  expect(read.join('')).toMatch(/"four".*\[DONE\]\n\n$/s);
});

test('the end of an answer waits until its record is sealed', async () => {
  let seal = (): void => {};
  class SlowSink extends MemorySink {
    override async record(exchange: Exchange): Promise<Sealed> {
      await new Promise<void>(resolve => {
        seal = resolve;
      });
      return super.record(exchange);
    }
  }
  await using provider = await startUpstream(respondAsRequested);
  await using gateway = await startGateway(twoProviders(provider.url, provider.url), { sink: new SlowSink() });
  let read = '';
  let isOver = false;
  const reading = (async () => {
    for await (const text of texts(await post(gateway.url, streamed))) read += text;
    isOver = true;
  })();
  await expect.poll(() => read).toContain('"lo"');
  expect(read).not.toContain('[DONE]');
  expect(isOver).toBe(false);
  seal();
  await reading;
  expect(read).toContain('[DONE]');
});

test('a waiting stream is kept alive by comments, and a later error is an event', async () => {
  let answer = (_: 'words' | 'failure'): void => {};
  const nextAnswer = () =>
    new Promise<'words' | 'failure'>(resolve => {
      answer = resolve;
    });
  await using provider = await startUpstream(async (response, requested, request) => {
    if ((await nextAnswer()) === 'words') return respondStream(['hello'])(response, requested, request);
    response.writeHead(400).end('{"error":{"message":"no"}}');
  });
  await using gateway = await startGateway(twoProviders(provider.url, provider.url), { limits: { keepAliveMs: 20 } });
  for (const wanted of ['words', 'failure'] as const) {
    const response = await post(gateway.url, streamed);
    expect(response.status).toBe(200);
    expect(response.headers.get('x-hindcast-route')).toBe('m-fast');
    expect(response.headers.get('x-hindcast-target')).toBeNull();
    let read = '';
    for await (const text of texts(response)) {
      read += text;
      if (read.split(': keep-alive\n\n').length >= 3) answer(wanted);
    }
    if (wanted === 'words') expect(read).toMatch(/^(: keep-alive\n\n)+data: .*"hello".*data: \[DONE\]\n\n$/s);
    else {
      expect(read).toMatch(/^(: keep-alive\n\n)+data: \{"error":.*\}\n\n$/s);
      expect(read).not.toContain('[DONE]');
    }
  }
});

test('a caller that leaves takes its provider call with it, at once', async () => {
  let cutAfterMs: number | undefined;
  let leftAt = 0;
  const { promise: cut, resolve } = Promise.withResolvers<void>();
  await using provider = await startUpstream((response, requested, request) => {
    response.on('close', () => {
      cutAfterMs = performance.now() - leftAt;
      resolve();
    });
    return respondStream(['one', 'two'], () => new Promise(() => {}))(response, requested, request);
  });
  await using gateway = await startGateway(twoProviders(provider.url, provider.url));
  const leaving = new AbortController();
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(streamed),
    signal: leaving.signal,
  });
  for await (const text of texts(response)) if (text.includes('"one"')) break;
  leftAt = performance.now();
  leaving.abort();
  await cut;
  // Promised within 100 ms; the rest is for a machine that does much else at once.
  expect(cutAfterMs).toBeLessThan(300);
  expect(await gateway.sink.next()).toMatchObject({ outcome: 'cancelled', status: 200, attempts: [{ outcome: 'aborted' }] });
});

test('a caller that leaves before any answer is recorded as one who saw none', async () => {
  await using provider = await startUpstream(never);
  await using gateway = await startGateway(twoProviders(provider.url, provider.url));
  const body = JSON.stringify(hi);
  const socket = connect(gateway.port, '127.0.0.1');
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await expect.poll(() => provider.requests.length).toBe(1);
  socket.destroy();
  expect(await gateway.sink.next()).toMatchObject({ outcome: 'cancelled', status: 0 });
  await expect.poll(() => provider.openConnections()).toBe(0);
});

const megabytes = 48;
/** More than all buffers of two sockets hold. */
const flood =
  (progress = { bytes: 0 }): Responder =>
  async response => {
    response.setHeader('content-type', 'text/event-stream').setMaxListeners(0);
    const text = chunk({ content: 'x'.repeat(64 * 1024) });
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    response.on('close', resolve);
    for (let i = 0; i < megabytes * 16 && !response.destroyed; i++) {
      progress.bytes += text.length;
      if (!response.write(text)) await Promise.race([new Promise(drained => response.once('drain', drained)), closed]);
    }
    response.end(`${chunk({}, 'stop')}data: [DONE]\n\n`);
  };

function slowCaller(port: number) {
  const body = JSON.stringify(streamed);
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  socket.pause();
  return socket;
}

test('a slow caller slows its provider down, and loses nothing', async () => {
  const sent = { bytes: 0 };
  await using provider = await startUpstream(flood(sent));
  await using gateway = await startGateway(twoProviders(provider.url, provider.url));
  const socket = slowCaller(gateway.port);
  let before = -1;
  await expect
    .poll(
      () => {
        const isStill = sent.bytes > 0 && sent.bytes === before;
        before = sent.bytes;
        return isStill;
      },
      { interval: 200 },
    )
    .toBe(true);
  // No more than the buffers of the sockets hold.
  expect(sent.bytes).toBeLessThan((megabytes * 1024 * 1024 * 2) / 3);
  expect(gateway.sink.exchanges).toHaveLength(0);
  let bytes = 0;
  let tail = '';
  socket.on('data', data => {
    bytes += data.length;
    tail = (tail + data.toString('latin1')).slice(-200);
    if (tail.includes('[DONE]')) socket.destroy();
  });
  socket.resume();
  await once(socket, 'close');
  expect(bytes).toBeGreaterThan(megabytes * 1024 * 1024);
  expect((await gateway.sink.next()).outcome).toBe('ok');
});

const writeTimeoutMs = 250;

/** Resolves when another gateway has given up a caller that takes nothing: the write timeout has passed since the call. */
async function writeTimeoutPasses(): Promise<void> {
  await using provider = await startUpstream(flood());
  await using gateway = await startGateway(twoProviders(provider.url, provider.url), { limits: { writeTimeoutMs } });
  const socket = slowCaller(gateway.port);
  expect(await gateway.sink.next()).toMatchObject({ outcome: 'cancelled', firstTokenMs: expect.any(Number) });
  await expect.poll(() => provider.openConnections()).toBe(0);
  socket.destroy();
}

test('a caller that takes nothing any more is given up, and its provider call with it', writeTimeoutPasses);

test("the provider's quiet time counts against no caller: the write timeout spares a stream that is slow to begin and one that is idle", async () => {
  await using provider = await startUpstream(async (...requested) => {
    await writeTimeoutPasses();
    return respondStream(['hel', 'lo'], writeTimeoutPasses)(...requested);
  });
  await using gateway = await startGateway(twoProviders(provider.url, provider.url), { limits: { writeTimeoutMs } });
  expect(await (await post(gateway.url, streamed)).text()).toContain('[DONE]');
});

test('no provider is called when the exchange cannot be recorded', async () => {
  await using provider = await startUpstream(respondAsRequested);
  await using gateway = await startGateway(twoProviders(provider.url, provider.url));
  gateway.sink.full = 'the spool is full';
  const response = await post(gateway.url, hi);
  expect([response.status, await codeOf(response)]).toEqual([503, 'recording_unavailable']);
  expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
  expect(provider.requests).toHaveLength(0);
  const ready = await fetch(`${gateway.url}/ready`);
  expect([ready.status, await ready.json()]).toEqual([503, { status: 'not ready', reasons: ['the spool is full'] }]);
  expect((await fetch(`${gateway.url}/health`)).status).toBe(200);
  gateway.sink.full = undefined;
  expect((await fetch(`${gateway.url}/ready`)).status).toBe(200);
});

test('a response whose record fails does not end complete', async () => {
  await using provider = await startUpstream(respondAsRequested);
  await using gateway = await startGateway(twoProviders(provider.url, provider.url));
  gateway.sink.broken = new Error('disk');
  const complete = await post(gateway.url, hi);
  expect([complete.status, await codeOf(complete)]).toEqual([503, 'recording_unavailable']);
  const text = await (await post(gateway.url, streamed)).text();
  expect(text).toContain('recording_unavailable');
  expect(text).not.toContain('[DONE]');
});

test('a mistake of ours ends the request it happened in, and no other', async () => {
  const errors: string[] = [];
  const log: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: message => errors.push(message) };
  await using provider = await startUpstream(respondAsRequested);
  await using gateway = await startGateway(twoProviders(provider.url, provider.url), { log });
  let isBroken = true;
  gateway.sink.refusal = () => {
    if (isBroken) throw new Error('a mistake at /home/somebody/file.ts');
    return undefined;
  };
  const response = await post(gateway.url, hi);
  const body = await response.text();
  expect([response.status, JSON.parse(body).error.code]).toEqual([500, 'internal_error']);
  expect(body).not.toContain('somebody');
  expect(errors).toHaveLength(1);
  isBroken = false;
  expect((await post(gateway.url, hi)).status).toBe(200);
});

test('a caller that is still sending too much reads why it is cut off', async () => {
  await using gateway = await startGateway('providers: { sim: { api: simulated } }', { limits: { bodyBytesMax: 1024 * 1024 } });
  const body = Buffer.alloc(8 * 1024 * 1024, ' ');
  const head = 'POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
  const declared = await exchangeBytes(gateway.port, socket => {
    socket.write(`${head}Content-Length: ${body.length}\r\n\r\n`);
    socket.write(body);
  });
  const chunked = await exchangeBytes(gateway.port, socket => {
    socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n`);
    socket.write(body);
  });
  for (const { status, headers, body: text } of [declared, chunked]) {
    expect([status, headers.connection, JSON.parse(text).error.code]).toEqual([413, 'close', 'request_too_large']);
  }
});

test('a body that stops coming is not waited for', async () => {
  await using gateway = await startGateway('providers: { sim: { api: simulated } }', { limits: { bodyIdleMs: 100 } });
  const { status, headers, body } = await exchangeBytes(gateway.port, socket =>
    socket.write(
      'POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"model"',
    ),
  );
  expect([status, headers.connection, JSON.parse(body).error.code]).toEqual([408, 'close', 'request_timeout']);
});

test('a caller that sends Expect: 100-continue gets 100 Continue', async () => {
  await using provider = await startUpstream(respondAsRequested);
  await using gateway = await startGateway(twoProviders(provider.url, provider.url));
  const body = JSON.stringify(hi);
  const { text } = await exchangeBytes(gateway.port, socket => {
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`,
    );
    socket.once('data', () => socket.write(body));
  });
  expect(text).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK.*"hello"/s);
});

test('a cut stream ends in one error event, without its last word, and so does its connection', async () => {
  await using provider = await startUpstream(response => {
    response.setHeader('content-type', 'text/event-stream').write(chunk({ content: 'hel' }));
    setTimeout(() => response.destroy(), 20);
  });
  await using gateway = await startGateway(twoProviders(provider.url, provider.url));
  const body = JSON.stringify(streamed);
  const started = performance.now();
  // It would be kept alive for five seconds otherwise.
  const { text } = await exchangeBytes(gateway.port, socket =>
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    ),
  );
  expect(performance.now() - started).toBeLessThan(2_000);
  expect(text).toMatch(
    /"hel".*data: \{"error":\{"message":"[^"]+","type":"upstream_error","param":null,"code":"upstream_truncated"\}\}\n\n/s,
  );
  expect(text).not.toMatch(/\[DONE\]|"finish_reason":"/);
  expect(provider.requests).toHaveLength(1);
});

test('HEAD gets the headers of GET', async () => {
  await using gateway = await startGateway('providers: { sim: { api: simulated } }');
  for (const [path, status] of [
    ['/health', 200],
    ['/ready', 200],
    ['/metrics', 200],
    ['/v1/models', 200],
    ['/v1/chat/completions', 405],
  ] as const) {
    const response = await fetch(gateway.url + path, { method: 'HEAD' });
    expect([response.status, await response.text()], path).toEqual([status, '']);
  }
});

test('pipelined requests on one connection are answered in order', async () => {
  await using provider = await startUpstream(respondAsRequested);
  await using gateway = await startGateway(twoProviders(provider.url, provider.url));
  const body = JSON.stringify(hi);
  const one = (path: string, more: string) => `${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
  const { text } = await exchangeBytes(gateway.port, socket =>
    socket.write(
      `${one('POST /v1/chat/completions', `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`)}${body}${one('GET /health', 'Connection: close\r\n')}`,
    ),
  );
  expect(text).toMatch(/"hello".*HTTP\/1\.1 200 OK.*"status":"ok"/s);
});

test('a changed configuration is for requests that come after it, and the fleet remembers', async () => {
  const { promise: change, resolve: changed } = Promise.withResolvers<void>();
  await using provider = await startUpstream(respondStream(['hel', 'lo'], () => change));
  const yaml = twoProviders(provider.url, provider.url);
  await using gateway = await startGateway(yaml);
  const first = await post(gateway.url, streamed);
  const next = settingsOf(`server: { port: 0 }\n${yaml}  m-new: B/new\n`);
  gateway.gateway.configure(next);
  expect(first.headers.get('x-hindcast-config')).not.toBe(next.hash);
  const second = await post(gateway.url, { ...streamed, model: 'm-new' });
  expect(second.headers.get('x-hindcast-config')).toBe(next.hash);
  changed();
  expect(await first.text()).toContain('[DONE]');
  expect(await second.text()).toContain('[DONE]');
  const [one, two] = [await gateway.sink.next(), await gateway.sink.next()];
  expect(new Set([one.configHash, two.configHash]).size).toBe(2);
});

test('a gateway that is its own upstream stops asking itself', async () => {
  await using gateway = await startGateway('providers: { sim: { api: simulated } }');
  const loop = `server: { port: 0 }\nproviders:\n  me: { api: openai, base_url: "${gateway.url}/v1", allow_private: true, key: x-loop-key }\nroutes: { round: me/round }\n`;
  gateway.gateway.configure(settingsOf(loop));
  const response = await post(gateway.url, { ...hi, model: 'round' });
  expect(response.status).toBe(400);
  // One exchange for each hop, the innermost first, and no retry on the way back.
  expect(gateway.sink.exchanges).toHaveLength(8);
  expect(Buffer.from(gateway.sink.exchanges[0]!.response).toString()).toContain('leads back to this one');
  expect(gateway.sink.exchanges.flatMap(exchange => exchange.attempts)).toHaveLength(8);
});

test('without keys only this machine is served, and no web page of another site', async () => {
  await using gateway = await startGateway('providers: { sim: { api: simulated } }');
  const requested = async (head: string) =>
    exchangeBytes(gateway.port, socket => socket.write(`GET /v1/models HTTP/1.1\r\n${head}Connection: close\r\n\r\n`));
  for (const host of ['localhost', '127.0.0.1:4000', '[::1]:4000', 'gateway.localhost', 'host.docker.internal:4000']) {
    expect((await requested(`Host: ${host}\r\n`)).status, host).toBe(200);
  }
  for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example:80', '192.168.1.2']) {
    const { status, body } = await requested(`Host: ${host}\r\n`);
    expect([status, JSON.parse(body).error.code], host).toEqual([403, 'host_not_allowed']);
  }
  for (const origin of ['https://evil.example', 'null', 'http://localhost.evil.example']) {
    const { status, body } = await requested(`Host: localhost\r\nOrigin: ${origin}\r\n`);
    expect([status, JSON.parse(body).error.code], origin).toEqual([403, 'origin_not_allowed']);
  }
  expect((await requested('Host: localhost\r\nOrigin: http://localhost:3000\r\n')).status).toBe(200);
});

test('plain answers come with a length, and a JSON body has nothing but the answer', async () => {
  await using provider = await startUpstream(respondJson);
  await using gateway = await startGateway(twoProviders(provider.url, provider.url));
  const body = JSON.stringify(hi);
  const { headers, body: text } = await exchangeBytes(gateway.port, socket =>
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    ),
  );
  expect(Number(headers['content-length'])).toBe(Buffer.byteLength(text));
  const exchange = await gateway.sink.next();
  expect(Buffer.from(exchange.response).toString()).toBe(text);
});
