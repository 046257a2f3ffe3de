/** Redacts records before they reach the spool: matches of the rules, or all texts. */
import { createHash } from 'node:crypto';
import type { AttemptRecord, Exchange, ExchangeSink } from '../../gateway/core/exchange.ts';
import type { RouteOutcome } from '../../gateway/core/routing/router.ts';
import type { Failure } from '../../gateway/core/shared/failure.ts';
import type { Feedback } from '../../gateway/core/signals/feedback.ts';
import type { Settings } from '../../gateway/settings/settings.ts';
import { type RedactedBody, redactBody, redactText } from './body.ts';
import { compileRules, type RedactionRules } from './rules.ts';

/** A sink that redacts and passes on; `sink` itself when nothing is redacted. */
export function redactingSink(sink: ExchangeSink, { payloads, redact }: Pick<Settings['recorder'], 'payloads' | 'redact'>): ExchangeSink {
  if (payloads === 'full' && redact.length === 0) return sink;
  const rules = compileRules(redact);
  const redactString = (text: string): string => (payloads === 'metadata' ? '' : redactText(text, rules));
  return {
    record: exchange => {
      const redacted = redact.length === 0 ? exchange : redactExchange(exchange, rules);
      return sink.record(payloads === 'metadata' ? stripTexts(redacted) : redacted);
    },
    ...(sink.feedback ? { feedback: given => sink.feedback!(redactFeedback(given, redactString)) } : {}),
    refusal: () => sink.refusal(),
    get dropped() {
      return sink.dropped;
    },
    ...(sink.flush ? { flush: () => sink.flush!() } : {}),
    close: () => sink.close(),
  };
}

/** Redacts bodies, header values, tags, and texts of failures and warnings. Names, ids and numbers stay. */
export function redactExchange(exchange: Exchange, rules: RedactionRules): Exchange {
  // Caller and attempt often share a body.
  const redactedBodies = new Map<Uint8Array, RedactedBody>();
  const body = (bytes: Uint8Array): RedactedBody => {
    const redacted = redactedBodies.get(bytes) ?? redactBody(bytes, rules);
    redactedBodies.set(bytes, redacted);
    return redacted;
  };
  const redactString = (text: string): string => redactText(text, rules);
  const attempts = exchange.attempts.map((attempt): AttemptRecord => {
    const request = body(attempt.request);
    const response = body(attempt.response);
    const count = request.found.length + response.found.length;
    return {
      ...attempt,
      request: request.bytes,
      response: response.bytes,
      ...(response.found.length > 0 ? { chunks: shiftChunks(attempt.chunks, response) } : {}),
      warnings: redactWarnings(attempt.warnings, redactString),
      ...(attempt.failure ? { failure: redactFailure(attempt.failure, redactString) } : {}),
      ...(count > 0 ? { redaction: { type: 'rules', count, ...sizesOf(attempt) } } : {}),
    };
  });
  const request = body(exchange.request);
  const response = body(exchange.response);
  const found = [request, response].flatMap(part => part.found);
  const isRedacted = found.length > 0 || attempts.some(attempt => attempt.redaction !== undefined);
  return {
    ...exchange,
    request: request.bytes,
    response: response.bytes,
    requestHeaders: redactValues(exchange.requestHeaders, redactString),
    caller: { ...exchange.caller, tags: redactValues(exchange.caller.tags, redactString) },
    ...redactMessages(exchange, redactString),
    warnings: redactWarnings(exchange.warnings, redactString),
    attempts,
    ...(isRedacted ? { redaction: { type: 'rules', count: found.length, ...originalSizesAndDigest(exchange) } } : {}),
  };
}

/** Removes all bodies and texts. Outcome, times and cost stay. */
export function stripTexts(exchange: Exchange): Exchange {
  const empty = new Uint8Array();
  const toEmpty = (): string => '';
  return {
    ...exchange,
    request: empty,
    response: empty,
    ...redactMessages(exchange, toEmpty),
    warnings: redactWarnings(exchange.warnings, toEmpty),
    attempts: exchange.attempts.map(attempt => ({
      ...attempt,
      request: empty,
      response: empty,
      warnings: redactWarnings(attempt.warnings, toEmpty),
      ...(attempt.failure ? { failure: redactFailure(attempt.failure, toEmpty) } : {}),
      redaction: { ...(attempt.redaction ?? { count: 0, ...sizesOf(attempt) }), type: 'metadata' },
    })),
    redaction: { ...(exchange.redaction ?? { count: 0, ...originalSizesAndDigest(exchange) }), type: 'metadata' },
  };
}

/** Sizes of the original bytes, and the digest of what the caller was sent. */
const sizesOf = ({ request, response }: Pick<Exchange, 'request' | 'response'>) => ({
  requestBytes: request.byteLength,
  responseBytes: response.byteLength,
});
const originalSizesAndDigest = (exchange: Exchange) => ({
  ...sizesOf(exchange),
  deliveredSha256: exchange.delivered?.sha256 ?? createHash('sha256').update(exchange.response).digest('hex'),
});

function redactMessages({ decision, events }: Exchange, redactString: (text: string) => string): Pick<Exchange, 'decision' | 'events'> {
  return {
    decision:
      decision.type === 'failed'
        ? ({ ...decision, failure: redactFailure(decision.failure, redactString) } satisfies RouteOutcome)
        : decision,
    events: events.map(event =>
      event.type === 'attempt-failed' ? { ...event, failure: redactFailure(event.failure, redactString) } : event,
    ),
  };
}

const redactFeedback = (feedback: Feedback, redactString: (text: string) => string): Feedback => ({
  ...feedback,
  scores: feedback.scores.map(score => ({ ...score, explanation: redactString(score.explanation) })),
});

const redactFailure = (failure: Failure, redactString: (text: string) => string): Failure => ({
  ...failure,
  message: redactString(failure.message),
});

const redactWarnings = (warnings: Exchange['warnings'], redactString: (text: string) => string): Exchange['warnings'] =>
  warnings.map(warning => (warning.detail === '' ? warning : { ...warning, detail: redactString(warning.detail) }));

const redactValues = (texts: Readonly<Record<string, string>>, redactString: (text: string) => string): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, redactString(text)]));

/** The chunks' lengths after redaction. */
function shiftChunks(chunks: AttemptRecord['chunks'], { mapPosition }: RedactedBody): AttemptRecord['chunks'] {
  let before = 0;
  let mappedBefore = 0;
  return chunks.map(([afterMs, bytes]) => {
    before += bytes;
    const from = mappedBefore;
    mappedBefore = mapPosition(before);
    return [afterMs, mappedBefore - from];
  });
}
