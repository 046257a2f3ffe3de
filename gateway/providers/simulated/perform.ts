/** Plays a request: reads it, thinks, and lays out bytes and moments of the answer, or of the failure that was ordered. */

import type { Performance } from '../../core/provider.ts';
import { coin } from '../../core/random.ts';
import { answer, type Thinker } from './answer.ts';
import { type Asked, isRefusal, read } from './asked.ts';
import { type Directives, parseDirectives } from './directives.ts';
import { traitsOf } from './mind.ts';
import { timesOf } from './pace.ts';
import type { Ended } from './piece.ts';
import { failAs, refuse, renderError } from './refusal.ts';
import { type Envelope, envelopeOf, renderBody, renderChunks } from './wire.ts';
import { identifier } from './words.ts';

/** Of all choices of one answer. */
const tokensMax = 100_000;
/** Failures come sooner than answers: this share of the wait for the first token. */
const failureShare = 0.2;

export function perform(body: string, model: string): Performance {
  const instructed = parseDirectives(model);
  if ('problem' in instructed) return refuse({ message: instructed.problem, param: 'model' });
  const asked = read(body);
  if (isRefusal(asked)) return refuse(asked);
  const { name } = instructed;
  const directives = troubled(instructed.directives, `${asked.seed} ${name}`);
  return performAs(asked, { name, traits: traitsOf(name), directives });
}

/** The directives without their troubles where chance spares the request; by the request, so that asking again changes nothing. */
function troubled(directives: Directives, own: string): Directives {
  const { flaky, status, retry_after, refuse, error_in_200, cut, stall, ...rest } = directives;
  if (flaky !== undefined && coin(own, 'flaky') >= flaky) return rest;
  const none = [status, retry_after, refuse, error_in_200, cut, stall].every(trouble => trouble === undefined);
  if (flaky !== undefined && none) return { ...rest, status: 503 };
  return retry_after !== undefined && status === undefined ? { ...directives, status: 429 } : directives;
}

function performAs(asked: Asked, thinker: Thinker): Performance {
  const { name, traits, directives } = thinker;
  const own = `${asked.seed} ${name}`;
  const headers = { 'x-request-id': `req_${identifier(own, 'request', 32).toLowerCase()}` };
  const times = (tokens: number): readonly number[] => timesOf(traits, directives, asked.inputTokens, tokens, own);
  if (directives.refuse) return { status: 'refused', headers: {}, frames: [], ending: 'end' };
  if (directives.status !== undefined) {
    const wait = directives.retry_after === undefined ? {} : { 'retry-after': String(directives.retry_after) };
    return failAs(directives.status, Math.round(failureShare * times(1)[0]!), { ...headers, ...wait });
  }
  const answers: Ended[] = [];
  for (let i = 0; i < asked.choices; i++) {
    const one = answer(asked, thinker, i);
    if (!one) return refuse({ message: 'No value was found that conforms to the schema.', param: 'response_format' });
    answers.push(one);
    if (answers.reduce((sum, { pieces }) => sum + pieces.length, 0) > tokensMax) {
      return refuse({ message: `All choices together may have ${tokensMax} tokens.`, param: 'n' });
    }
  }
  const script: Script = { asked, answers, envelope: envelopeOf(own, name), directives, times, headers };
  return asked.stream ? streamed(script) : whole(script);
}

interface Script {
  readonly asked: Asked;
  readonly answers: readonly Ended[];
  readonly envelope: Envelope;
  readonly directives: Directives;
  readonly times: (tokens: number) => readonly number[];
  readonly headers: Readonly<Record<string, string>>;
}

/** A body comes at once when its last token is there. */
function whole({ asked, answers, envelope, directives, times, headers: given }: Script): Performance {
  const { stall, cut, error_in_200 } = directives;
  const headers = { 'content-type': 'application/json', ...given };
  const longest = Math.max(1, ...answers.map(({ pieces }) => pieces.length));
  const at = times(longest);
  if (error_in_200 !== undefined) {
    const afterMs = at[Math.min(error_in_200, longest - 1)]!;
    return { status: 200, headers, frames: [{ afterMs, data: renderError(500) }], ending: 'end' };
  }
  if (stall !== undefined) return { status: 200, headers, frames: [], ending: 'stall' };
  const body = renderBody(envelope, answers, asked.inputTokens);
  if (cut === undefined) return { status: 200, headers, frames: [{ afterMs: at.at(-1)!, data: body }], ending: 'end' };
  const data = body.slice(0, Math.floor(body.length / 2));
  return { status: 200, headers, frames: [{ afterMs: at[Math.min(cut, longest - 1)]!, data }], ending: 'reset' };
}

function streamed({ asked, answers, envelope, directives, times, headers: given }: Script): Performance {
  const { stall, cut, error_in_200 } = directives;
  const headers = { 'content-type': 'text/event-stream; charset=utf-8', ...given };
  const chunks = renderChunks(envelope, answers, asked.inputTokens, asked.includeUsage);
  const troubleAt = error_in_200 ?? cut ?? stall;
  const tokens = chunks.tokens.slice(0, troubleAt);
  const at = times(tokens.length + 1);
  const events = [
    { atMs: at[0]!, data: chunks.opening },
    ...tokens.map((data, i) => ({ atMs: at[i]!, data })),
    ...(error_in_200 === undefined ? [] : [{ atMs: at.at(-1)!, data: `data: ${renderError(500)}\n\n` }]),
    ...(troubleAt === undefined ? [{ atMs: at[Math.max(0, tokens.length - 1)]!, data: chunks.closing }] : []),
  ];
  const ending = error_in_200 === undefined && cut === undefined && stall !== undefined ? 'stall' : 'end';
  return { status: 200, headers, frames: framesOf(events), ending };
}

/** What is due within the same millisecond travels together. */
function framesOf(events: readonly { readonly atMs: number; readonly data: string }[]): Performance['frames'] {
  const frames: { afterMs: number; data: string }[] = [];
  let lastMs = 0;
  for (const { atMs, data } of events) {
    const frame = frames.at(-1);
    if (frame && atMs === lastMs) frame.data += data;
    else frames.push({ afterMs: atMs - lastMs, data });
    lastMs = atMs;
  }
  return frames;
}
