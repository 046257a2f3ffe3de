/** Parses single members of a Cohere response. */
import type { Citation, Finish, FinishReason, TokenLogprob, Usage } from '../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';
import { count } from '../../core/chat/json-members.ts';
import { listOf, objectOf, text } from '../openai/parsing/reading.ts';

const reasons: Readonly<Record<string, FinishReason>> = {
  COMPLETE: 'stop',
  STOP_SEQUENCE: 'stop',
  MAX_TOKENS: 'length',
  ERROR_LIMIT: 'length',
  TOOL_CALL: 'tool-calls',
  ERROR_TOXIC: 'content-filter',
  ERROR: 'error',
  TIMEOUT: 'error',
};

/** The finish reason, with Cohere's own word; `other` for one that is not known. */
export function parseFinish(reason: Json | undefined): Finish {
  const raw = text(reason);
  return { reason: (Object.hasOwn(reasons, raw) ? reasons[raw] : undefined) ?? 'other', raw };
}

/** The billed units. `tokens` also includes Cohere's preamble before the prompt, and the cached tokens. */
export function parseUsage(usage: Json | undefined): Usage | undefined {
  if (!isObject(usage)) return undefined;
  const { billed_units: billed, tokens } = usage;
  const counted = [billed, tokens].find(
    units => isObject(units) && (units.input_tokens !== undefined || units.output_tokens !== undefined),
  );
  if (!isObject(counted)) return undefined;
  return {
    input: count(counted.input_tokens),
    output: count(counted.output_tokens),
    cached: 0,
    cacheWrite: 0,
    reasoning: 0,
    source: 'provider',
  };
}

/** Cohere sends several tokens of one text together, without alternatives. */
export const parseLogprobs = (logprobs: Json | undefined): readonly TokenLogprob[] =>
  listOf(isObject(logprobs) ? [logprobs] : logprobs).flatMap(({ text: tokenText, logprobs: values }) =>
    Array.isArray(values)
      ? (values as readonly Json[]).map((value, at) => ({
          token: at === 0 ? text(tokenText) : '',
          logprob: Math.min(0, Number(value) || 0),
          top: [],
        }))
      : [],
  );

/** One citation per source. */
export const citationsOf = (citations: Json | undefined): readonly Citation[] =>
  listOf(isObject(citations) ? [citations] : citations).flatMap(raw => {
    const { start, end, sources } = raw;
    const position = typeof start === 'number' && typeof end === 'number' && end > start ? { span: { from: start, to: end } } : {};
    const sourceList = listOf(sources);
    return (sourceList.length > 0 ? sourceList : [{}]).map((source: JsonObject): Citation => {
      const cited = objectOf(source.document);
      const url = text(cited.url);
      const title = text(cited.title);
      const quote = text(cited.snippet) || text(cited.text) || text(cited.content) || text(objectOf(source.tool_output).content);
      return {
        ...position,
        ...(url === '' ? { document: text(source.id) || title || 'source' } : { url }),
        ...(title === '' ? {} : { title }),
        ...(quote === '' ? {} : { quote }),
        raw,
      };
    });
  });

/** The message inside a stream event's delta; {} when there is none. */
export const messageIn = (delta: Json | undefined) => objectOf(objectOf(delta).message);
