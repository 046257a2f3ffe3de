/** What is left out of a record before it reaches the spool: what the rules find, or every text. */
import { createHash } from 'node:crypto';
import type { AttemptRecord, Exchange, Sink } from '../gateway/core/exchange.ts';
import type { Failure } from '../gateway/core/failure.ts';
import type { Feedback } from '../gateway/core/feedback.ts';
import type { RouteOutcome } from '../gateway/core/route.ts';
import type { Settings } from '../gateway/settings/settings.ts';
import { type RedactedBody, redactBody, redactText } from './redact/body.ts';
import { type Rules, rulesOf } from './redact/rules.ts';

/** Between the gateway and the spool; the sink itself when everything is kept as it is. */
export function redacting(sink: Sink, { payloads, redact }: Pick<Settings['recorder'], 'payloads' | 'redact'>): Sink {
  if (payloads === 'full' && redact.length === 0) return sink;
  const rules = rulesOf(redact);
  const say = (text: string): string => (payloads === 'metadata' ? '' : redactText(text, rules));
  return {
    record: exchange => {
      const known = redact.length === 0 ? exchange : redactExchange(exchange, rules);
      return sink.record(payloads === 'metadata' ? withoutText(known) : known);
    },
    ...(sink.feedback ? { feedback: said => sink.feedback!(feedbackWith(said, say)) } : {}),
    refusal: () => sink.refusal(),
    get dropped() {
      return sink.dropped;
    },
    close: () => sink.close(),
  };
}

/** Bodies, header values, tags, and the words of failures and warnings. Names, ids and numbers that others are found by stay. */
export function redactExchange(exchange: Exchange, rules: Rules): Exchange {
  // Where bytes pass through, caller and attempt hold the same body.
  const done = new Map<Uint8Array, RedactedBody>();
  const body = (bytes: Uint8Array): RedactedBody => {
    const known = done.get(bytes) ?? redactBody(bytes, rules);
    done.set(bytes, known);
    return known;
  };
  const say = (text: string): string => redactText(text, rules);
  const attempts = exchange.attempts.map((attempt): AttemptRecord => {
    const request = body(attempt.request);
    const response = body(attempt.response);
    const count = request.found.length + response.found.length;
    return {
      ...attempt,
      request: request.bytes,
      response: response.bytes,
      ...(response.found.length > 0 ? { chunks: moved(attempt.chunks, response) } : {}),
      warnings: warningsWith(attempt.warnings, say),
      ...(attempt.failure ? { failure: failureWith(attempt.failure, say) } : {}),
      ...(count > 0 ? { redaction: { type: 'rules', count, ...sizesOf(attempt) } } : {}),
    };
  });
  const request = body(exchange.request);
  const response = body(exchange.response);
  const found = [request, response].flatMap(part => part.found);
  const any = found.length > 0 || attempts.some(attempt => attempt.redaction !== undefined);
  return {
    ...exchange,
    request: request.bytes,
    response: response.bytes,
    requestHeaders: mapped(exchange.requestHeaders, say),
    caller: { ...exchange.caller, tags: mapped(exchange.caller.tags, say) },
    ...wordsWith(exchange, say),
    warnings: warningsWith(exchange.warnings, say),
    attempts,
    ...(any ? { redaction: { type: 'rules', count: found.length, ...ofWhatWas(exchange) } } : {}),
  };
}

/** No body and no sentence, neither asked nor answered; what happened, when and for how much stays. */
export function withoutText(exchange: Exchange): Exchange {
  const empty = new Uint8Array();
  const silent = (): string => '';
  return {
    ...exchange,
    request: empty,
    response: empty,
    ...wordsWith(exchange, silent),
    warnings: warningsWith(exchange.warnings, silent),
    attempts: exchange.attempts.map(attempt => ({
      ...attempt,
      request: empty,
      response: empty,
      warnings: warningsWith(attempt.warnings, silent),
      ...(attempt.failure ? { failure: failureWith(attempt.failure, silent) } : {}),
      redaction: { ...(attempt.redaction ?? { count: 0, ...sizesOf(attempt) }), type: 'metadata' },
    })),
    redaction: { ...(exchange.redaction ?? { count: 0, ...ofWhatWas(exchange) }), type: 'metadata' },
  };
}

/** What is told of the bytes as they were: their sizes, and the sum of what the caller was sent. */
const sizesOf = ({ request, response }: Pick<Exchange, 'request' | 'response'>) => ({
  requestBytes: request.byteLength,
  responseBytes: response.byteLength,
});
const ofWhatWas = (exchange: Exchange) => ({
  ...sizesOf(exchange),
  deliveredSha256: exchange.delivered?.sha256 ?? createHash('sha256').update(exchange.response).digest('hex'),
});

function wordsWith({ decision, events }: Exchange, say: (text: string) => string): Pick<Exchange, 'decision' | 'events'> {
  return {
    decision: decision.type === 'failed' ? ({ ...decision, failure: failureWith(decision.failure, say) } satisfies RouteOutcome) : decision,
    events: events.map(event => (event.type === 'attempt-failed' ? { ...event, failure: failureWith(event.failure, say) } : event)),
  };
}

const feedbackWith = (feedback: Feedback, say: (text: string) => string): Feedback => ({
  ...feedback,
  scores: feedback.scores.map(score => ({ ...score, explanation: say(score.explanation) })),
});

const failureWith = (failure: Failure, say: (text: string) => string): Failure => ({ ...failure, message: say(failure.message) });

const warningsWith = (warnings: Exchange['warnings'], say: (text: string) => string): Exchange['warnings'] =>
  warnings.map(warning => (warning.detail === '' ? warning : { ...warning, detail: say(warning.detail) }));

const mapped = (texts: Readonly<Record<string, string>>, say: (text: string) => string): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, say(text)]));

/** The chunks' borders, where they are now. */
function moved(chunks: AttemptRecord['chunks'], { place }: RedactedBody): AttemptRecord['chunks'] {
  let before = 0;
  let placed = 0;
  return chunks.map(([afterMs, bytes]) => {
    before += bytes;
    const from = placed;
    placed = place(before);
    return [afterMs, placed - from];
  });
}
