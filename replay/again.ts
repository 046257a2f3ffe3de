/** Turns a recorded request into a question for an arm: the caller's own words, somebody else to answer them. */
import { type Dialect, isFieldProblem } from '../gateway/core/dialect.ts';
import { scanObject } from '../gateway/core/json.ts';
import type { Instant } from '../gateway/core/time.ts';
import { newExchangeId, traceFrom } from '../gateway/ids.ts';
import type { Question } from '../gateway/question.ts';
import type { Arm } from './arm.ts';
import type { RecordedRequest } from './source.ts';

/** The question, or why it cannot be asked. `repeat` counts from 0. */
export function askAgain(
  recorded: RecordedRequest,
  arm: Arm,
  run: string,
  repeat: number,
  dialect: Dialect,
  now: Instant,
): Question | string {
  const scan = scanObject(recorded.body);
  if (!scan.ok) return scan.problem.message;
  // Some dialects say these outside of the body.
  const chat = dialect.parseRequest({ model: recorded.route, stream: recorded.stream, ...scan.value });
  if (isFieldProblem(chat)) return chat.problem.message;
  const { tenant, project, user, conversation, tags } = recorded;
  const body = Buffer.from(recorded.body);
  // The coins of the original's id: every arm and every run divides the same requests in the same way.
  const planned = { id: recorded.id, chat, requestBytes: body.byteLength, caller: { tenant, key: '', conversation } };
  const routed = arm.routeOf({ ...scan.value, model: chat.model }, planned);
  if (typeof routed === 'string') return routed;
  const { traceId, spanId, parentSpanId } = traceFrom(undefined, undefined);
  return {
    id: newExchangeId(now),
    receivedAt: now,
    caller: { tenant, project, user, key: '', requestId: '', conversation, tags },
    trace: { traceId, spanId, parentSpanId },
    dialect,
    ...routed,
    configHash: arm.configHash,
    chat,
    raw: { text: recorded.body, members: scan.members },
    body,
    headers: recorded.headers,
    includeUsage: true,
    measure: 'always',
    replayOf: recorded.id,
    run,
    arm: arm.name,
    repeat,
  };
}
