/** `POST /v1/feedback`: scores of a response by a caller or a person, recorded with its request. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import type { ExchangeSink } from '../core/exchange.ts';
import type { Feedback, Score } from '../core/signals/feedback.ts';
import { forbidden, invalid, isRefusal, type Refusal, recordingRefusal } from '../exchange/response/refusal.ts';
import { type Body, type BodyLimits, checkContentType, readBody } from '../http/body.ts';
import type { CallerKey } from '../settings/settings.ts';

const text = (most: number) => z.string().max(most, { error: () => `must have at most ${most} characters` });
const value = z.union([z.boolean().transform(Number), z.number().refine(Number.isFinite)], {
  error: () => 'must be a number, or true or false',
});
const name = z
  .string({ error: () => 'must be a name such as quality' })
  .regex(/^[\w.-]{1,64}$/, { error: () => 'must be 1 to 64 letters, digits, _ . or -' });
const score = { name: name.default('quality'), value, label: text(64).default(''), comment: text(4_000).default('') };
const common = {
  request_id: z
    .string({ error: () => 'must be the x-request-id of a response' })
    .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i, {
      error: () => 'must be the x-request-id of a response of this gateway',
    }),
  source: z.enum(['client', 'human'], { error: () => 'must be client or human' }).default('client'),
  user: text(256).default(''),
};
const scoresMax = 20;
const singleScore = z.strictObject({ ...common, ...score });
const scoreList = z.strictObject({
  ...common,
  scores: z
    .array(z.strictObject(score), { error: () => 'must be a list of {name, value}' })
    .min(1, { error: () => 'must have at least one score' })
    .max(scoresMax, { error: () => `must have at most ${scoresMax} scores` }),
});

/** The body of the response, once the feedback is recorded; or the error response. */
export async function receiveFeedback(
  request: IncomingMessage,
  key: CallerKey,
  limits: BodyLimits,
  sink: ExchangeSink,
): Promise<Refusal | object> {
  const feedback = await parseFeedback(request, key, limits);
  return isRefusal(feedback) ? feedback : storeFeedback(sink, feedback);
}

/** The id of a score makes a later score of the same caller and name replace the earlier one. */
async function parseFeedback(request: IncomingMessage, key: CallerKey, limits: BodyLimits): Promise<Feedback | Refusal> {
  const wrongType = checkContentType(request.headers['content-type']);
  if (wrongType) return wrongType;
  const body = await readBody(request, { ...limits, bodyBytesMax: Math.min(limits.bodyBytesMax, 256 * 1024) });
  if (isRefusal(body)) return body;
  const written = parseObject(body);
  if (written === undefined) return invalid('invalid_json', 'The body is not valid JSON.');
  const parsed = 'scores' in written ? scoreList.safeParse(written) : singleScore.safeParse(written);
  if (!parsed.success) return refusalOf(parsed.error.issues[0]!);
  const { request_id, source, user } = parsed.data;
  // A human label overrides a judge's, so only analysts and admins may give one.
  if (source === 'human' && key.role !== 'admin' && key.role !== 'analyst' && key.name !== '')
    return forbidden('forbidden_source', 'Only a key of the role analyst or admin may send human labels; remove source.', 'source');
  const all = 'scores' in parsed.data ? parsed.data.scores : [parsed.data];
  const outOfRange = all.findIndex(given => given.name === 'quality' && !(given.value >= 0 && given.value <= 1));
  if (outOfRange >= 0)
    return invalid(
      'invalid_value',
      'quality must be a number from 0 to 1.',
      'scores' in parsed.data ? `scores.${outOfRange}.value` : 'value',
    );
  const id = request_id.toLowerCase();
  const evaluator = user || key.user || key.name;
  return {
    request: id,
    tenant: key.tenant,
    scores: all.map(
      (given): Score => ({
        id: scoreIdOf([key.tenant, id, given.name, source, evaluator]),
        ...{ name: given.name, source, value: given.value, label: given.label, explanation: given.comment, evaluator },
        at: Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16),
      }),
    ),
  };
}

/** Feedback is rejected when records cannot be written. */
async function storeFeedback(sink: ExchangeSink, feedback: Feedback): Promise<Refusal | object> {
  if (!sink.feedback || sink.refusal() !== undefined) return recordingRefusal;
  try {
    await sink.feedback(feedback);
  } catch {
    return recordingRefusal;
  }
  return { object: 'feedback', request_id: feedback.request, scores: feedback.scores.length };
}

function parseObject({ text: source }: Body): object | undefined {
  try {
    const found: unknown = JSON.parse(source);
    return typeof found === 'object' && found !== null && !Array.isArray(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

function refusalOf(issue: z.core.$ZodIssue): Refusal {
  if (issue.code === 'unrecognized_keys')
    return invalid(
      'unknown_parameter',
      `${issue.keys[0]} is not a known field; a score has name, value, label and comment.`,
      issue.keys[0]!,
    );
  const at = issue.path.map(String).join('.');
  return invalid('invalid_value', `${at} ${issue.message}.`, at);
}

/** A UUID from the score's identity, so that a repeated score replaces the first. */
function scoreIdOf(parts: readonly string[]): string {
  const hex = createHash('sha256').update(parts.join('\u0000')).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
