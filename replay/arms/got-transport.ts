/** A transport for the URLs of `--against`, on got: outside the gateway's request path, convenience matters more than speed. */
import got from 'got';
import type { Failure } from '../../gateway/core/shared/failure.ts';
import type { Upstream } from '../../gateway/transport/upstream.ts';

const connectTimeoutMs = 3_000;

/** An Upstream without retries of its own: the router decides on them. */
export function gotTransport(): Upstream {
  const calls = new Set<{ destroy(): void }>();
  return {
    send: (call, listener) => {
      const stream = got.stream.post(call.url, {
        headers: { ...call.headers },
        body: typeof call.body === 'string' ? call.body : Buffer.from(call.body ?? ''),
        retry: { limit: 0 },
        timeout: { connect: connectTimeoutMs, lookup: connectTimeoutMs, secureConnect: connectTimeoutMs },
        throwHttpErrors: false,
        followRedirect: false,
        decompress: true,
      });
      let status = 0;
      let over = false;
      const finish = (notify: () => void): void => {
        calls.delete(stream);
        if (over) return;
        over = true;
        notify();
      };
      calls.add(stream);
      stream.on('response', (response: { statusCode: number; headers: Record<string, string | string[] | undefined> }) => {
        status = response.statusCode;
        if (!over) listener.headers(status, flat(response.headers));
      });
      stream.on('data', (chunk: Buffer) => {
        if (!over) listener.chunk(chunk);
      });
      stream.on('end', () => finish(() => listener.end()));
      stream.on('error', (error: Error & { code?: string }) => finish(() => listener.failed(failureOf(error, status))));
      return {
        abort: () => {
          over = true;
          calls.delete(stream);
          stream.destroy();
        },
        pause: () => stream.pause(),
        resume: () => stream.resume(),
      };
    },
    close: async () => {
      for (const call of calls) call.destroy();
    },
  };
}

function flat(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const values = Object.entries(headers).filter(([, value]) => value !== undefined);
  return Object.fromEntries(values.map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value!]));
}

function failureOf(error: Error & { code?: string }, status: number): Failure {
  const code = error.code ?? error.name;
  const details = { message: `${code}: ${error.message}`.slice(0, 300), code, ...(status > 0 ? { status } : {}) };
  return status > 0 ? { kind: 'truncated', ...details } : { kind: 'unreachable', ...details };
}
