/** Callers that send requests without end, streaming and non-streaming, and note which responses they saw to the end. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Counts {
  /** Ids of answers whose end was seen. */
  readonly acknowledged: readonly string[];
  /** Answers that were refused with 503. */
  readonly refused: number;
  /** Calls that broke: nobody was there, or it died in the middle. */
  readonly broken: number;
  /** Any other status. */
  readonly others: readonly number[];
}

export interface Load {
  readonly counts: Counts;
  stop(): Promise<void>;
}

export interface LoadOptions {
  readonly callers: number;
  /** Between two questions of one caller. */
  readonly pauseMs: number;
  readonly bodyBytes: number;
}

export function startLoad(url: () => string | undefined, { callers, pauseMs, bodyBytes }: LoadOptions): Load {
  const acknowledged: string[] = [];
  const others: number[] = [];
  const counts = { acknowledged, refused: 0, broken: 0, others };
  let stopped = false;
  const caller = async (number: number): Promise<void> => {
    for (let i = 0; !stopped; i++) {
      const base = url();
      const outcome =
        base === undefined ? 'broken' : await sendRequest(base, (number + i) % 2 === 0, bodyBytes).catch(() => 'broken' as const);
      if (outcome === 'broken') counts.broken += 1;
      else if (typeof outcome === 'string') acknowledged.push(outcome);
      else if (outcome === 503) counts.refused += 1;
      else others.push(outcome);
      await sleep(outcome === 'broken' ? Math.max(pauseMs, 50) : pauseMs);
    }
  };
  const all = Promise.all(Array.from({ length: callers }, (_, number) => caller(number)));
  return {
    counts,
    stop: async () => {
      stopped = true;
      await all;
    },
  };
}

const requestMsMax = 20_000;

/** The id when the end was seen, else the status; throws when the answer broke off. */
async function sendRequest(base: string, stream: boolean, bodyBytes: number): Promise<string | number> {
  const response = await fetch(`${base}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'sim/small', stream, messages: [{ role: 'user', content: 'x'.repeat(bodyBytes) }] }),
    signal: AbortSignal.timeout(requestMsMax),
  });
  const text = await response.text();
  if (response.status !== 200) return response.status;
  const complete = stream ? text.endsWith('data: [DONE]\n\n') : 'choices' in (JSON.parse(text) as object);
  if (!complete) throw new Error('the answer broke off');
  return response.headers.get('x-hindcast-id')!;
}
