/** From a recorded request to the request that an arm executes. */
import { type CallerFormat, isFieldProblem } from '../../gateway/core/chat/caller-format.ts';
import { type JsonObject, scanObject } from '../../gateway/core/chat/json.ts';
import type { Instant } from '../../gateway/core/shared/time.ts';
import type { RoutedRequest } from '../../gateway/exchange/contract.ts';
import { traitsOf } from '../../gateway/providers/openai/model.ts';
import { newExchangeId, traceFrom } from '../../gateway/settings/ids.ts';
import type { RecordedRequest } from '../recorded/requests.ts';
import type { Arm } from './arm.ts';
import { type Applied, type Transforms, transform } from './transform.ts';

export interface ReplayRequest {
  readonly request: RoutedRequest;
  /** The changes made to the caller's request. */
  readonly applied: readonly Applied[];
}

const unchanged: Transforms = { hosted: 'allow' };

/** The request to execute, or a text with the reason why it cannot be sent. `repeat` counts from 0. */
export function prepareReplayRequest(
  recorded: RecordedRequest,
  arm: Arm,
  run: string,
  repeat: number,
  dialect: CallerFormat,
  now: Instant,
  transforms: Transforms = unchanged,
): ReplayRequest | string {
  if (recorded.redacted) return 'its bytes were redacted or cut when they were recorded';
  const scan = scanObject(recorded.body);
  if (!scan.ok) return scan.problem.message;
  const chat = readChat(scan.value, recorded, dialect);
  if (isFieldProblem(chat)) return chat.problem.message;
  const { tenant, project, user, conversation, tags } = recorded;
  // The original's id seeds random choices, so that every arm and run splits the requests in the same way.
  const planInput = { id: recorded.id, chat, requestBytes: Buffer.byteLength(recorded.body), caller: { tenant, key: '', conversation } };
  const routed = arm.routeOf({ ...scan.value, model: chat.model }, planInput, recorded);
  if (typeof routed === 'string') return routed;
  const changed = transform(recorded.body, recorded.dialect, transforms, limitFieldOf(routed.policy.steps[0]?.target ?? ''));
  if ('refused' in changed) return changed.refused;
  const outgoing =
    changed.applied.length === 0
      ? { text: recorded.body, value: scan.value, members: scan.members, chat }
      : rereadChat(changed.text, recorded, dialect);
  if (typeof outgoing === 'string') return outgoing;
  const { traceId, spanId, parentSpanId } = traceFrom(undefined, undefined);
  const request: RoutedRequest = {
    id: newExchangeId(now),
    receivedAt: now,
    caller: { tenant, project, user, key: '', requestId: '', conversation, tags },
    trace: { traceId, spanId, parentSpanId },
    dialect,
    ...routed,
    configHash: arm.configHash,
    chat: outgoing.chat,
    raw: { text: outgoing.text, value: outgoing.value, members: outgoing.members },
    body: Buffer.from(outgoing.text),
    headers: recorded.headers,
    includeUsage: true,
    measure: 'always',
    replayOf: recorded.id,
    run,
    arm: arm.name,
    repeat,
  };
  return { request, applied: changed.applied };
}

/** Some dialects have the model and the streaming flag outside of the body. */
const readChat = (body: JsonObject, { route, stream }: RecordedRequest, dialect: CallerFormat) =>
  dialect.parseRequest({ model: route, stream, ...body });

function rereadChat(text: string, recorded: RecordedRequest, dialect: CallerFormat) {
  const scan = scanObject(text);
  if (!scan.ok) return scan.problem.message;
  const chat = readChat(scan.value, recorded, dialect);
  return isFieldProblem(chat) ? chat.problem.message : { text, value: scan.value, members: scan.members, chat };
}

const limitFieldOf = (target: string): string => traitsOf(target.slice(target.lastIndexOf('/') + 1)).limitField;
